#include "net/tcp_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "net/descriptor_budget.h"
#include "net/original_destination.h"
#include "net/tcp_socket_state.h"

namespace borehole::net {

namespace {

// What libuv gets to write at a time once the kernel is full: small enough that on_written tells of progress.
constexpr std::size_t slice_bytes = std::size_t{64} * 1024;

uv_buf_t as_uv(Bytes bytes) noexcept {
  uv_buf_t buf;
  buf.base = const_cast<char*>(bytes.data());
  buf.len = bytes.size();
  return buf;
}

Address name_of(int descriptor, int (*call)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (call(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return Address::from(reinterpret_cast<const sockaddr*>(&storage)).value_or(Address{});
}

}  // namespace

TcpSocket::State::State(Loop& owner) : loop(owner), counted(owner.state().descriptors) {
  uv_tcp_init(&loop.state().uv, &tcp);
  tcp.data = static_cast<Handle*>(this);
  if (counted != nullptr) counted->opened();
}

TcpSocket::State::~State() {
  if (counted != nullptr) counted->closed();
}

std::unique_ptr<TcpSocket> TcpSocket::State::adopt(Loop& loop, int descriptor, const Address& remote,
                                                   const Address* local) {
  std::unique_ptr<TcpSocket> socket;
  try {
    socket = unconnected(loop);
  } catch (...) {  // out of memory
    ::close(descriptor);
    throw;
  }
  State& state = socket->state();
  if (uv_tcp_open(&state.tcp, descriptor) != 0) {
    ::close(descriptor);
    return nullptr;
  }
  uv_tcp_nodelay(&state.tcp, 1);
  state.remote = remote;
  state.local = local != nullptr ? *local : name_of(descriptor, &::getsockname);
  return socket;
}

std::unique_ptr<TcpSocket> TcpSocket::State::unconnected(Loop& loop) {
  auto* state = new State(loop);
  try {
    return std::make_unique<TcpSocket>(state);
  } catch (...) {  // out of memory
    state->close();
    throw;
  }
}

int TcpSocket::State::connect(const Address& address, ConnectObserver& told, OwnDials* own) {
  remote = address;
  uv_tcp_nodelay(&tcp, 1);  // remembered by libuv until there is a descriptor
  const int status = uv_tcp_connect(&connecting, &tcp, address.data(), &State::on_connect);
  if (status != 0) return status;
  connect_observer = &told;
  local = name_of(descriptor(), &::getsockname);  // chosen by connect(2), before anybody can accept it
  if (own != nullptr) own_dial = own->enter(local, remote);
  return status;
}

void TcpSocket::State::on_connect(uv_connect_t* request, int status) noexcept {
  State& self = of(request->handle);
  ConnectObserver* told = std::exchange(self.connect_observer, nullptr);
  if (told == nullptr) return;
  told->on_connect(status);
}

void TcpSocket::State::detach() noexcept {
  observer = nullptr;
  connect_observer = nullptr;
  loop.state().cancel(*this);
  close();
}

void TcpSocket::State::reset_on_close() noexcept {
  const linger abort = {1, 0};
  setsockopt(descriptor(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
}

int TcpSocket::State::descriptor() const noexcept {
  uv_os_fd_t descriptor = -1;
  uv_fileno(reinterpret_cast<const uv_handle_t*>(&tcp), &descriptor);
  return descriptor;
}

std::size_t TcpSocket::State::queued() const noexcept {
  if (broken || failure != 0) return 0;
  std::size_t octets = out.size() + in_flight.size();
  if (slice > 0) octets -= slice - uv_stream_get_write_queue_size(reinterpret_cast<const uv_stream_t*>(&tcp));
  return octets;
}

// Whoever may read no more is not stopped before something comes: most are let read again before that (an idle
// connection that is lent anew, a side that was held for a moment), and each stop and start costs libuv two system
// calls.
void TcpSocket::State::apply_reading() noexcept {
  if (failure != 0) {
    if (observer != nullptr && !broken) loop.state().queue(*this);
  } else if (may_read()) {
    uv_read_start(stream(), &State::on_room, &State::on_read);
  }
}

// Who may not read gets no room: libuv then reads nothing, and says UV_ENOBUFS.
void TcpSocket::State::on_room(uv_handle_t* tcp, std::size_t, uv_buf_t* room) noexcept {
  State& self = of(tcp);
  if (!self.may_read()) {
    *room = {};
    return;
  }
  auto& buffer = self.loop.state().read_buffer;
  room->base = buffer.data();
  room->len = buffer.size();
}

void TcpSocket::State::on_read(uv_stream_t* tcp, ssize_t count, const uv_buf_t* room) noexcept {
  State& self = of(tcp);
  if (count == UV_ENOBUFS) {
    uv_read_stop(tcp);
    return;
  }
  self.loop.state().turn_began();  // those that are read later in this turn have waited since now
  if (count > 0) return self.observer->on_received({room->base, static_cast<std::size_t>(count)});
  if (count == 0) return;
  if (count != UV_EOF) return self.fail(static_cast<int>(count));
  uv_read_stop(tcp);
  self.loop.state().queue(self);
}

void TcpSocket::State::run() noexcept {
  while (may_read()) {
    const ssize_t count =
        ::recv(descriptor(), loop.state().read_buffer.data(), loop.state().read_buffer.size(), MSG_DONTWAIT);
    if (count > 0) {
      observer->on_received({loop.state().read_buffer.data(), static_cast<std::size_t>(count)});
      // Stopped meanwhile: the rest waits for set_reading(true), and with it the news of the end.
      if (!may_read()) return;
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (failure != 0) return report_break();
    if (count == 0) {
      ended = true;
      return observer->on_ended();
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return apply_reading();
    failure = uv_translate_sys_error(errno);
  }
  if (failure != 0 && observer != nullptr && !broken) report_break();
}

void TcpSocket::State::fail(int status) noexcept {
  if (failure != 0 || broken) return;
  failure = status;
  out.release();
  uv_read_stop(stream());
  loop.state().queue(*this);
}

void TcpSocket::State::report_break() noexcept {
  broken = true;
  uv_read_stop(stream());
  Error error{ErrorCode::io_failed, Fault::proxy, {}};
  try {
    error.detail = fmt::format("the connection with {} broke: {}", remote.to_string(), uv_strerror(failure));
  } catch (const std::bad_alloc&) {
    error.detail = uv_err_name(failure);  // "ECONNRESET": short enough to need no memory of its own
  }
  observer->on_broken(error);
}

void TcpSocket::State::write_now(Buffer& from) noexcept {
  const uv_buf_t buf = as_uv(from.view());
  const int count = uv_try_write(stream(), &buf, 1);
  if (count >= 0) {
    from.consume(static_cast<std::size_t>(count));
  } else if (count != UV_EAGAIN) {
    fail(count);
  }
}

// A connection's life is waiting for the most part: then it keeps no room to write into, but leaves it to the next one
// of its thread that writes.
thread_local Buffer TcpSocket::State::spare;

void TcpSocket::State::take_room() noexcept {
  if (out.capacity() == 0) std::swap(out, spare);
}

void TcpSocket::State::leave_room() noexcept {
  if (!out.empty()) return;
  if (out.capacity() > spare.capacity()) std::swap(out, spare);
  out.release();
}

void TcpSocket::State::pump() noexcept {
  if (failure != 0 || broken) return out.clear();
  if (slice > 0) return;
  if (!in_flight.empty()) write_now(in_flight);
  if (in_flight.empty() && !out.empty() && failure == 0) {
    write_now(out);
    if (!out.empty()) std::swap(in_flight, out);
  }
  if (failure != 0) return;
  if (!in_flight.empty()) {
    slice = std::min(in_flight.size(), slice_bytes);
    const uv_buf_t buf = as_uv(in_flight.view().substr(0, slice));
    if (const int status = uv_write(&writing, stream(), &buf, 1, &State::on_wrote); status != 0) {
      slice = 0;
      fail(status);
    }
    return;
  }
  leave_room();
  if (want_fin && !sent_fin) {
    sent_fin = true;
    if (::shutdown(descriptor(), SHUT_WR) != 0) fail(uv_translate_sys_error(errno));
  }
}

void TcpSocket::State::on_wrote(uv_write_t* request, int status) noexcept {
  State& self = of(request->handle);
  self.in_flight.consume(std::exchange(self.slice, 0));
  if (self.in_flight.empty()) self.in_flight.release();
  if (uv_is_closing(self.handle()) != 0) return;
  if (status != 0) return self.fail(status);
  self.pump();
  if (self.observer != nullptr && self.failure == 0 && !self.broken) self.observer->on_written();
}

TcpSocket::TcpSocket(State* state) noexcept : state_(state) {}
TcpSocket::~TcpSocket() { state_->detach(); }

void TcpSocket::observe(TcpObserver* observer) noexcept {
  state_->observer = observer;
  state_->apply_reading();
}

void TcpSocket::set_reading(bool on) noexcept {
  if (state_->want_reading == on) return;
  state_->want_reading = on;
  state_->apply_reading();
}

bool TcpSocket::reading() const noexcept { return state_->want_reading && !state_->ended && !state_->broken; }
Buffer& TcpSocket::out() noexcept {
  state_->take_room();
  return state_->out;
}
void TcpSocket::flush() noexcept { state_->pump(); }
std::size_t TcpSocket::queued() const noexcept { return state_->queued(); }

void TcpSocket::shut_down() noexcept {
  state_->want_fin = true;
  state_->pump();
}

bool TcpSocket::quiet() const noexcept {
  if (state_->ended || state_->broken || state_->failure != 0) return false;
  char octet = 0;
  const ssize_t count = ::recv(state_->descriptor(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

std::optional<Address> TcpSocket::original_destination() const noexcept {
  return net::original_destination(state_->descriptor(), state_->local.is_v6());
}

bool TcpSocket::came_back() const noexcept { return state_->own_dial && state_->own_dial->came_back(); }
const Address& TcpSocket::remote_address() const noexcept { return state_->remote; }
const Address& TcpSocket::local_address() const noexcept { return state_->local; }

}  // namespace borehole::net
