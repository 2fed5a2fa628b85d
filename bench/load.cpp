// The client of the bench: TLS connections that send the same request again as soon as its answer is whole. Never
// retries; whatever is not a 200 with the expected body is an error.
//
//   load to=ADDRESS:PORT name=HOST ca=FILE request=FILE answer=OCTETS|events connections=N [connect=PORT]
//
//   name         whom the certificate must prove; ca: by whom
//   answer       the size of every answer's body, or `events`: their delay is measured (bench/event.h)
//   connections  kept open from the beginning, each having had one answer; 0: none
//   connect      an HTTP proxy is spoken to, and asked for HOST:PORT first
//
// Conversation on stdin and stdout, a line each, so that the bench reads the proxy's clocks while nothing runs:
//   → {"ready":…}             every connection is open
//   ← seconds S | requests N [M]  on those, for that long, or so many in all; what has begun is finished. M: no more
//                             calls than that at a time, so that each connection has its turn
//   ← fresh N [PATTERN]       N times in turn: a connection, a full TLS handshake, one request. PATTERN: the host's
//                             name, its `#` a number that no other connection of this process had
//   → {"requests":…,…}        what was done; again from `←` until stdin ends
//
// A program of our own and not wrk: that one cannot finish what it has begun, so that its count and the origin's never
// agree; it checks no certificate; and it cannot name a host that DNS does not know.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "caller.h"
#include "net/dialer.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "tls/client_context.h"

namespace borehole::bench {
namespace {

constexpr std::size_t most_opening = 64;  // connections at a time, so that no queue of a listener overflows

TimePoint now() { return std::chrono::steady_clock::now(); }

std::string quoted(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '"' || c == '\\' || c < ' '; }, '\'');
  return text;
}

struct Where {
  net::Address address;
  std::string name;
  std::string connect_port;  // empty: no CONNECT
  std::size_t connections = 0;
};

class Load {
 public:
  Load(Where where, Plan plan, std::shared_ptr<const tls::TrustStore> trust)
      : where_(std::move(where)), plan_(std::move(plan)), context_(std::move(trust)) {}

  // False: the first requests failed.
  bool open_all() {
    for (std::size_t i = 0; i < std::min(most_opening, where_.connections); ++i) open_kept();
    if (where_.connections > 0) loop_.run();
    return tally_.failed == 0;
  }
  std::string ready() const {
    return fmt::format(R"({{"ready":{},"tls":"{}"}})", kept_.size(), kept_.empty() ? "" : tls_of(*kept_.front()));
  }
  const std::string& first_failure() const { return tally_.first_failure; }

  std::string obey(const std::string& line) {
    std::istringstream order(line);
    std::string what, pattern;
    double amount = 0;
    order >> what >> amount >> pattern;
    tally_ = {};
    const TimePoint begun = now();
    until_.reset();
    if (what == "fresh") {
      left_ = static_cast<std::uint64_t>(amount);
      call_freshly(pattern.empty() ? where_.name : pattern);
    } else {
      if (what == "seconds") {
        until_ = begun + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(amount));
      } else {
        left_ = static_cast<std::uint64_t>(amount);
      }
      most_under_way_ = pattern.empty() ? kept_.size() : std::strtoul(pattern.c_str(), nullptr, 10);
      turn_ = 0;
      for (std::size_t i = 0; i < kept_.size() && under_way_ < most_under_way_; ++i) go_in_turn();
      if (under_way_ > 0) loop_.run();
    }
    const double took = std::chrono::duration<double>(now() - begun).count();
    return fmt::format(R"({{"requests":{},"failed":{},"first_failure":"{}","seconds":{:.3f},"tls":"{}",)"
                       R"("waits":{},"handshakes":{},"delays":{}}})",
                       tally_.done, tally_.failed, quoted(tally_.first_failure), took, tls_, tally_.waits.to_json(),
                       tally_.handshakes.to_json(), tally_.delays.to_json());
  }

 private:
  static std::string tls_of(const Caller& caller) {
    return caller.handshake().version + " " + caller.handshake().cipher;
  }

  void dial(const std::string& name, std::uint16_t session_port, Caller::Told told,
            std::function<void(std::unique_ptr<Caller>)> made, std::function<void()> failed) {
    const TimePoint since = now();
    auto open = [this, name, session_port, told = std::move(told), made = std::move(made), failed = std::move(failed),
                 since](Result<std::unique_ptr<net::TcpSocket>> socket) {
      if (!socket) {
        tally_.failure(socket.error().detail);
        return failed();
      }
      auto engine = context_.connect({.host = name, .port = session_port});
      auto caller = std::make_unique<Caller>(plan_, tally_, told, *std::move(socket), std::move(engine), since);
      Caller& opened = *caller;
      made(std::move(caller));
      opened.begin(where_.connect_port.empty() ? "" : name + ":" + where_.connect_port);
    };
    dial_.push_back(std::make_unique<net::Dial>(loop_, resolver_,
                                                net::DialTarget{name, where_.address.port(), where_.address},
                                                net::DialOptions{}, std::move(open)));
  }

  // --- connections that are kept

  void open_kept() {
    if (opened_ == where_.connections) return;
    ++opened_;
    const auto stop = [this] { loop_.stop(); };
    Caller::Told told;
    told.open = [](Caller& caller) { caller.send(); };
    told.answered = [this](Caller& caller) {
      if (answered_ < where_.connections) {  // the first one, and all have it before the next
        if (++answered_ == where_.connections) return loop_.stop();
        return open_kept();
      }
      --under_way_;
      most_under_way_ < kept_.size() ? go_in_turn() : go(caller);
      stop_if_done();
    };
    told.over = [this](Caller&) {
      if (answered_ < where_.connections) return loop_.stop();
      if (under_way_ > 0) --under_way_;
      stop_if_done();
    };
    dial(
        where_.name, where_.address.port(), std::move(told),
        [this](std::unique_ptr<Caller> caller) { kept_.push_back(std::move(caller)); }, stop);
  }

  void go(Caller& caller) {
    if (caller.over() || caller.busy()) return;
    if (until_ ? now() >= *until_ : left_ == 0) return;
    --left_;
    ++under_way_;
    caller.send();
  }
  void go_in_turn() {
    for (std::size_t passed = 0; passed < kept_.size(); ++passed) {
      Caller& next = *kept_[turn_];
      turn_ = (turn_ + 1) % kept_.size();
      if (!next.over() && !next.busy()) return go(next);
    }
  }
  void stop_if_done() {
    if (under_way_ == 0) loop_.stop();
  }

  // --- one after another

  // The same, at another host.
  std::string request_for(const std::string& name) const {
    std::string request = plan_.request;
    const std::string before = "\r\nHost: ";
    const auto at = request.find(before + where_.name);
    if (at != std::string::npos) request.replace(at + before.size(), where_.name.size(), name);
    return request;
  }

  void call_freshly(const std::string& pattern) {
    const auto hash = pattern.find('#');
    net::Timer next(loop_, [&] {
      fresh_.reset();
      dial_.clear();
      if (left_ == 0 || tally_.failed > 0) return loop_.stop();
      --left_;
      const auto number = fresh_count_++;
      std::string name = pattern;
      if (hash != std::string::npos) name.replace(hash, 1, std::to_string(number));
      const auto done = [&] { next.start(Duration::zero()); };
      Caller::Told told;
      told.open = [this, request = request_for(name)](Caller& caller) {
        tls_ = tls_of(caller);
        if (caller.handshake().resumed) tally_.failure("a session was resumed");
        caller.send(request);
      };
      told.answered = [done](Caller&) { done(); };
      told.over = [done](Caller&) { done(); };
      // The port is part of what sessions are kept by: none is found.
      dial(
          name, static_cast<std::uint16_t>(1 + number % 65535), std::move(told),
          [this](std::unique_ptr<Caller> caller) { fresh_ = std::move(caller); }, done);
    });
    next.start(Duration::zero());
    loop_.run();
  }

  Where where_;
  Plan plan_;
  tls::ClientContext context_;
  net::Loop loop_;
  net::Resolver look_up_{net::system_look_up(), {}};
  net::ResolverClient resolver_{look_up_, loop_};
  Tally tally_;
  std::vector<std::unique_ptr<net::Dial>> dial_;
  std::vector<std::unique_ptr<Caller>> kept_;
  std::unique_ptr<Caller> fresh_;
  std::string tls_;
  std::size_t opened_ = 0, answered_ = 0;
  std::uint64_t fresh_count_ = 0;
  std::optional<TimePoint> until_;
  std::uint64_t left_ = 0;  // requests that may still begin; counts for nothing where `until_` is set
  std::uint64_t under_way_ = 0, most_under_way_ = 0;
  std::size_t turn_ = 0;  // of kept_
};

int fail(const std::string& why) {
  std::cerr << "load: " << why << '\n';
  return 1;
}

int run(std::unordered_map<std::string, std::string> words) {
  const std::string to = words["to"];
  const auto colon = std::min(to.rfind(':'), to.size());
  const auto port = colon < to.size() ? std::strtoul(to.c_str() + colon + 1, nullptr, 10) : 0;
  const auto address = net::Address::parse(to.substr(0, colon), static_cast<std::uint16_t>(port));
  if (!address) return fail("to=ADDRESS:PORT is missing");
  Plan plan;
  plan.events = words["answer"] == "events";
  plan.body_octets = std::strtoull(words["answer"].c_str(), nullptr, 10);
  std::ifstream file(words["request"], std::ios::binary);
  plan.request.assign(std::istreambuf_iterator<char>(file), {});
  plan.method = plan.request.substr(0, plan.request.find(' '));
  if (plan.request.empty()) return fail(words["request"] + " cannot be read, or is empty");
  auto trust = tls::TrustStore::load({words["ca"]});
  if (!trust) return fail(trust.error().detail);

  Load load({.address = *address,
             .name = words["name"],
             .connect_port = words["connect"],
             .connections = std::strtoul(words["connections"].c_str(), nullptr, 10)},
            std::move(plan), *trust);
  if (!load.open_all()) return fail("the first requests failed: " + load.first_failure());
  std::cout << load.ready() << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << load.obey(line) << std::endl;
  return 0;
}

}  // namespace
}  // namespace borehole::bench

int main(int count, char** words) {
  std::unordered_map<std::string, std::string> given;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto equals = word.find('=');
    if (equals != std::string::npos) given[word.substr(0, equals)] = word.substr(equals + 1);
  }
  if (given.empty()) {
    std::cerr << "usage: load to=ADDRESS:PORT name=HOST ca=FILE request=FILE answer=OCTETS|events connections=N "
                 "[connect=PORT]\n";
    return 2;
  }
  return borehole::bench::run(std::move(given));
}
