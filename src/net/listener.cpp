#include "net/listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "net/listener_owner.h"
#include "net/loop_state.h"
#include "net/socket_calls.h"
#include "net/tcp_socket_state.h"

namespace borehole::net {

namespace {

constexpr int backlog = 1024;
constexpr int accepts_per_turn = 64;  // so that a flood of connections does not starve those that are there
constexpr auto pause_after_failure = std::chrono::milliseconds(50);

class Descriptor {
 public:
  explicit Descriptor(int descriptor) noexcept : descriptor_(descriptor) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return descriptor_; }
  void reset(int descriptor = -1) noexcept {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = descriptor;
  }

 private:
  int descriptor_;
};

int open_reserve() noexcept { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

Unexpected<Error> failed(const Address& address, const std::string& why) {
  return unexpected(
      Error{ErrorCode::io_failed, Fault::proxy, fmt::format("cannot listen on {}: {}", address.to_string(), why)});
}

std::string in_use(const std::string& owner) {
  return fmt::format("it is already in use by {}; stop that, or listen on another port",
                     owner.empty() ? "another process" : owner);
}

std::string why_not(int error, const Address& address) {
  switch (error) {
    case EADDRINUSE: return in_use(foreign_listener(address));
    case EACCES: return "this user may not take ports below 1024; choose a higher one";
    case EADDRNOTAVAIL: return "this machine has no such address; name one of its own, or 0.0.0.0 for all of them";
    default: return std::strerror(error);
  }
}

}  // namespace

struct Listener::State final : Handle {
  State(Loop& owner, Descriptor socket, const Address& bound, Accept function, TurnedAway told, Room asked)
      : loop(owner),
        listening(std::move(socket)),
        reserve(open_reserve()),
        address(bound),
        accept(std::move(function)),
        turned_away(std::move(told)),
        room(std::move(asked)),
        pause(std::make_unique<Timer>(owner, [this] { resume(); })) {
    fixed_local = address.kind() != AddressKind::unspecified;
  }
  uv_handle_t* handle() noexcept override { return reinterpret_cast<uv_handle_t*>(&poll); }

  static void on_readable(uv_poll_t* handle, int, int) noexcept {
    static_cast<State*>(Handle::of(handle))->accept_waiting();
  }
  void resume() noexcept { uv_poll_start(&poll, UV_READABLE, &State::on_readable); }

  void accept_waiting() noexcept {
    for (int count = 0; count < accepts_per_turn && !closed; ++count) {
      sockaddr_storage from{};
      const int descriptor = accept_stream(listening.get(), from);
      if (descriptor >= 0 && room && !room()) {
        refuse(descriptor);
      } else if (descriptor >= 0) {
        take(descriptor, from);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return;
      } else if (errno == EMFILE || errno == ENFILE) {
        if (!turn_away()) return wait_a_little();
      } else if (errno == ENOBUFS || errno == ENOMEM) {
        return wait_a_little();
      }  // else: of that one connection alone, gone before it was accepted (accept(2), "Error handling")
    }
  }

  void take(int descriptor, const sockaddr_storage& from) noexcept {
    try {
      const auto remote = Address::from(reinterpret_cast<const sockaddr*>(&from)).value_or(Address{});
      auto socket = TcpSocket::State::adopt(loop, descriptor, remote, fixed_local ? &address : nullptr);
      if (socket) accept(std::move(socket));
    } catch (const std::bad_alloc&) {  // with the socket the connection is gone
      if (turned_away) turned_away(Lack::memory);
    }
  }

  // Left in the backlog, it would hang for its client and wake this loop without end.
  bool turn_away() noexcept {
    if (reserve.get() < 0) reserve.reset(open_reserve());
    if (reserve.get() < 0) return false;
    reserve.reset();
    sockaddr_storage from{};
    const int descriptor = accept_stream(listening.get(), from);
    if (descriptor >= 0) refuse(descriptor);
    const bool out_of_descriptors = descriptor < 0 && (errno == EMFILE || errno == ENFILE);
    reserve.reset(open_reserve());
    return !out_of_descriptors;  // another thread was quicker
  }

  void refuse(int descriptor) noexcept {
    ::close(descriptor);
    ++refused;
    if (turned_away) turned_away(Lack::descriptors);
  }

  void wait_a_little() noexcept {
    uv_poll_stop(&poll);
    pause->start(pause_after_failure);
  }

  Loop& loop;
  Descriptor listening;
  Descriptor reserve;
  Address address;
  Accept accept;
  TurnedAway turned_away;
  Room room;
  std::unique_ptr<Timer> pause;  // goes with the Listener: this State may outlive what the loop has left
  uv_poll_t poll{};
  std::uint64_t refused = 0;
  bool fixed_local = false;
  bool closed = false;
};

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Address& address, bool reuse_port, Accept accept,
                                                 TurnedAway turned_away, Room room) {
  // SO_REUSEPORT would share the port with any process of this user: half of the calls would go to the other one.
  if (reuse_port && address.port() != 0) {
    if (const auto owner = foreign_listener(address); !owner.empty()) return failed(address, in_use(owner));
  }
  Descriptor socket(open_stream_socket(address.data()->sa_family));
  if (socket.get() < 0) return failed(address, why_not(errno, address));
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.is_v6()) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (reuse_port && setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
    return failed(address, why_not(errno, address));
  if (::bind(socket.get(), address.data(), address.size()) != 0 || ::listen(socket.get(), backlog) != 0)
    return failed(address, why_not(errno, address));
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0)
    return failed(address, why_not(errno, address));
  const auto bound = Address::from(reinterpret_cast<const sockaddr*>(&storage));
  if (!bound) return failed(address, "not an internet address");

  const int descriptor = socket.get();
  auto* state = new State(loop, std::move(socket), *bound, std::move(accept), std::move(turned_away), std::move(room));
  if (const int status = uv_poll_init_socket(&loop.state().uv, &state->poll, descriptor); status != 0) {
    delete state;
    return failed(address, uv_strerror(status));
  }
  state->poll.data = static_cast<Handle*>(state);
  state->resume();
  return std::unique_ptr<Listener>(new Listener(state));
}

Listener::Listener(State* state) noexcept : state_(state) {}

Listener::~Listener() {
  state_->closed = true;
  state_->pause.reset();
  state_->close();
  state_->listening.reset();  // after uv_close, which has taken it out of the poll
}

const Address& Listener::address() const noexcept { return state_->address; }
std::uint64_t Listener::refused_for_descriptors() const noexcept { return state_->refused; }

}  // namespace borehole::net
