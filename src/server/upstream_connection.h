// One connection to an upstream, TLS included: plaintext in, plaintext out. Never parses it, never decides what to do.
#pragma once

#include <memory>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "calls/tap.h"
#include "net/tcp_socket.h"
#include "proxy/effects.h"
#include "server/graveyard.h"
#include "tls/engine.h"

namespace borehole::server {

// Calls come from the loop, never from inside a call on the connection; the connection may be retired, not destroyed,
// inside them.
class UpstreamObserver {
 public:
  virtual ~UpstreamObserver() = default;
  virtual void on_upstream_received(Bytes bytes) noexcept = 0;
  virtual void on_upstream_ended() noexcept = 0;                     // cleanly: close_notify where there is TLS
  virtual void on_upstream_broken(const Error& error) noexcept = 0;  // also an end without close_notify, or of memory
  virtual void on_upstream_written() noexcept = 0;
};

class UpstreamConnection final : public net::TcpObserver, public Mortal<UpstreamConnection> {
 public:
  // `engine` is established, or null for plain TCP. Takes the socket over.
  UpstreamConnection(std::unique_ptr<net::TcpSocket> socket, std::unique_ptr<tls::Engine> engine,
                     proxy::UpstreamTarget target, calls::UpstreamFacts facts);
  ~UpstreamConnection() override;

  void observe(UpstreamObserver* observer) noexcept { observer_ = observer; }
  const proxy::UpstreamTarget& target() const noexcept { return target_; }
  const calls::UpstreamFacts& facts() const noexcept { return facts_; }
  void mark_reused() noexcept;
  void mark_found_open() noexcept;  // no call has waited until it was
  bool used() const noexcept { return used_; }
  void mark_used() noexcept { used_ = true; }

  void send(Bytes bytes);  // then flush(). Where memory runs out (std::bad_alloc) it is of no more use
  void flush() noexcept;
  void end_writing();  // as `send`
  void set_reading(bool on) noexcept { socket_->set_reading(on); }
  std::size_t queued() const noexcept { return socket_->queued(); }
  bool ended() const noexcept { return ended_; }
  bool quiet() const noexcept { return !ended_ && socket_->quiet(); }
  // Delivers what is queued, then closes; the connection is of no use afterwards.
  void finish() noexcept;

  void on_received(Bytes bytes) noexcept override;
  void on_ended() noexcept override;
  void on_broken(const Error& error) noexcept override;
  void on_written() noexcept override;

 private:
  void break_for_memory() noexcept;

  std::unique_ptr<net::TcpSocket> socket_;
  std::unique_ptr<tls::Engine> engine_;
  proxy::UpstreamTarget target_;
  calls::UpstreamFacts facts_;
  UpstreamObserver* observer_ = nullptr;
  Buffer plaintext_;
  bool ended_ = false;   // nothing more comes
  bool broken_ = false;  // … and nothing more can be sent
  bool used_ = false;    // has carried a request
};

}  // namespace borehole::server
