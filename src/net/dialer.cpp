#include "net/dialer.h"

#include <fmt/format.h>
#include <uv.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/out_of_memory.h"
#include "net/tcp_socket_state.h"

namespace borehole::net {

namespace {

constexpr std::size_t causes_told = 4;  // a sentence for a person, not a list

// The families by turns, beginning with the one that the system put first (RFC 8305 section 4).
std::vector<Address> interleave(const std::vector<Address>& addresses) {
  std::vector<Address> first, second, out;
  for (const Address& address : addresses)
    (address.is_v6() == addresses.front().is_v6() ? first : second).push_back(address);
  for (std::size_t at = 0; at < std::max(first.size(), second.size()); ++at) {
    if (at < first.size()) out.push_back(first[at]);
    if (at < second.size()) out.push_back(second[at]);
  }
  return out;
}

Address with_port(const Address& address, std::uint16_t port) {
  return Address::parse(address.ip(), port).value_or(address);
}

}  // namespace

struct Dial::State final {
  struct Attempt final : ConnectObserver {
    Attempt(State& owner, const Address& where)
        : dial(owner), address(where), socket(TcpSocket::State::unconnected(owner.loop)) {}
    void on_connect(int status) noexcept override {
      dial.guarded([&] { dial.on_connect(*this, status); });
    }

    State& dial;
    Address address;
    std::unique_ptr<TcpSocket> socket;
  };

  State(Loop& on, ResolverClient& with, DialTarget where, DialOptions chosen, Dialled told)
      : loop(on),
        resolver(with),
        target(std::move(where)),
        options(std::move(chosen)),
        done(std::move(told)),
        deadline(on, [this] { guarded([this] { on_deadline(); }); }),
        next_attempt(on, [this] { guarded([this] { attempt(); }); }) {
    deadline.start(options.timeout);
    if (target.fixed) {
      addresses = {*target.fixed};
      next_attempt.start(Duration::zero());  // an attempt may fail at once, and `done` is not called in here
    } else {
      ticket = resolver.resolve(target.host, [this](Result<std::vector<Address>> found) {
        ticket = 0;
        guarded([&] { on_resolved(std::move(found)); });
      });
    }
  }
  ~State() {
    if (ticket != 0) resolver.cancel(ticket);
  }

  // What comes from the loop: where memory runs out the dial has failed. Whatever throws does so before `finish`.
  template <class F>
  void guarded(F&& step) noexcept {
    try {
      step();
    } catch (const std::bad_alloc&) {
      finish(unexpected(out_of_memory()));
    }
  }

  void on_resolved(Result<std::vector<Address>> found) {
    if (!found) return finish(unexpected(std::move(found).error()));
    if (found->empty()) {
      return fail(ErrorCode::dns_failed, Fault::upstream, fmt::format("the name \"{}\" has no address", target.host));
    }
    std::string refusal;
    for (const Address& each : interleave(*found)) {
      const Address address = with_port(each, target.port);
      std::string why = options.rule ? options.rule(address) : std::string();
      if (why.empty()) {
        addresses.push_back(address);
      } else if (refusal.empty()) {
        refusal = std::move(why);
      }
    }
    if (addresses.empty()) return fail(ErrorCode::address_not_allowed, Fault::client, std::move(refusal));
    attempt();
  }

  // Starts the next attempt that can be started; the last thing that its caller does.
  void attempt() {
    next_attempt.stop();
    while (next < addresses.size()) {
      auto started = std::make_unique<Attempt>(*this, addresses[next++]);
      const int status = started->socket->state().connect(started->address, *started, options.own);
      if (status != 0) {
        note(started->address, status);
        continue;
      }
      attempts.push_back(std::move(started));
      if (next < addresses.size()) next_attempt.start(options.attempt_delay);
      return;
    }
    if (attempts.empty()) {
      fail(ErrorCode::connect_failed, Fault::upstream,
           fmt::format("cannot connect to {}:{}: {}", target.host, target.port, causes));
    }
  }

  void on_connect(Attempt& which, int status) {
    const auto at =
        std::find_if(attempts.begin(), attempts.end(), [&](const auto& each) { return each.get() == &which; });
    const std::unique_ptr<Attempt> over = std::move(*at);
    attempts.erase(at);
    if (status == 0) return finish(std::move(over->socket));
    note(over->address, status);
    attempt();
  }

  void on_deadline() {
    const double seconds = std::chrono::duration<double>(options.timeout).count();
    std::string detail;
    if (ticket != 0) {
      detail = fmt::format("the name \"{}\" was not resolved within {:g} s", target.host, seconds);
    } else {
      for (const auto& waiting : attempts) note(waiting->address, UV_ETIMEDOUT);
      detail = fmt::format("no connection to {}:{} within {:g} s: {}", target.host, target.port, seconds, causes);
    }
    fail(ErrorCode::connect_timeout, Fault::upstream, std::move(detail));
  }

  void note(const Address& address, int status) {
    if (++failures > causes_told) return;
    if (!causes.empty()) causes += "; ";
    causes += fmt::format("{} ({})", address.to_string(), uv_strerror(status));
  }

  void fail(ErrorCode code, Fault fault, std::string detail) {
    finish(unexpected(Error{code, fault, std::move(detail)}));
  }

  // Last: `done` may destroy this. It must not throw.
  void finish(Result<std::unique_ptr<TcpSocket>> result) noexcept {
    deadline.stop();
    next_attempt.stop();
    attempts.clear();
    if (ticket != 0) resolver.cancel(std::exchange(ticket, 0));
    const Dialled told = std::move(done);
    told(std::move(result));
  }

  Loop& loop;
  ResolverClient& resolver;
  DialTarget target;
  DialOptions options;
  Dialled done;
  Timer deadline;
  Timer next_attempt;
  std::uint64_t ticket = 0;  // of the question to the resolver; 0: none is open
  std::vector<Address> addresses;
  std::size_t next = 0;  // the first that has not been tried
  std::vector<std::unique_ptr<Attempt>> attempts;
  std::string causes;
  std::size_t failures = 0;
};

Dial::Dial(Loop& loop, ResolverClient& resolver, DialTarget target, DialOptions options, Dialled done)
    : state_(std::make_unique<State>(loop, resolver, std::move(target), std::move(options), std::move(done))) {}
Dial::~Dial() = default;

}  // namespace borehole::net
