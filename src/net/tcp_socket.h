// One TCP connection: bytes in as views, bytes out through one buffer. Never interprets them, never blocks.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "net/address.h"
#include "net/loop.h"

namespace borehole::net {

// The calls come from the loop, never from inside a call on the socket. The observer may destroy the socket inside any
// of them.
class TcpObserver {
 public:
  virtual ~TcpObserver() = default;
  virtual void on_received(Bytes bytes) noexcept = 0;  // valid during the call only; up to 64 KiB
  virtual void on_ended() noexcept = 0;                // FIN. Writing is still possible
  virtual void on_broken(
      const Error& error) noexcept = 0;    // reset, time-out, …; nothing more comes, nothing more is sent
  virtual void on_written() noexcept = 0;  // `queued()` has become smaller since the last flush()
};

class TcpSocket {
 public:
  ~TcpSocket();  // closes; what is queued is lost. Use `finish_and_close` to deliver it first
  TcpSocket(const TcpSocket&) = delete;
  TcpSocket& operator=(const TcpSocket&) = delete;

  void observe(TcpObserver* observer) noexcept;  // may change during life (pool → session); null: nobody is called
  // Starts stopped. While stopped, neither an end nor a break is noticed.
  void set_reading(bool on) noexcept;
  bool reading() const noexcept;

  // Append to it, then flush(). flush() tries to write at once and leaves the rest to the loop.
  Buffer& out() noexcept;
  void flush() noexcept;
  std::size_t queued() const noexcept;  // octets in out() and on their way to the kernel

  void shut_down() noexcept;  // FIN once everything queued is written
  // Idle test before reuse: true if nothing (no octet, no end, no error) is waiting to be read. One non-blocking
  // MSG_PEEK.
  bool quiet() const noexcept;

  // Takes the socket over and lets go of the observer: delivers what is queued, then ends it. `linger` is how long it
  // waits while nothing gets through; in all it is at most ten times that. Where memory runs out for that it is reset
  // at once.
  // finish: FIN, then reads and discards what comes until the other side ends too, `linger` has passed or 1 MiB was
  // discarded, then closes (so that a last answer is not lost to a reset, RFC 9112 section 9.6).
  static void finish_and_close(std::unique_ptr<TcpSocket> socket, Duration linger) noexcept;
  // break: after delivery of what is queued (also from the kernel's buffer, bounded by `linger`), RST: an abnormal end
  // for any reader.
  static void deliver_and_reset(std::unique_ptr<TcpSocket> socket, Duration linger) noexcept;

  // Of an accepted connection; see original_destination.h. One system call.
  std::optional<Address> original_destination() const noexcept;
  // Of a dialled one: a listener of this process has accepted it (see own_dials.h).
  bool came_back() const noexcept;

  const Address& remote_address() const noexcept;
  const Address& local_address() const noexcept;

  struct State;
  explicit TcpSocket(State* state) noexcept;  // for net/ only
  State& state() noexcept { return *state_; }

 private:
  State* state_;  // freed by libuv's close callback
};

}  // namespace borehole::net
