// One TLS connection of the bench's own programs: plaintext in and out over a socket. Never parses it, never
// reconnects.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/buffer.h"
#include "base/bytes.h"
#include "net/tcp_socket.h"
#include "tls/engine.h"

namespace borehole::bench {

// Calls come from the loop. The channel may be destroyed in `on_over` only.
class ChannelObserver {
 public:
  virtual void on_open() noexcept = 0;                        // the handshake is done
  virtual void on_plaintext(Bytes bytes) noexcept = 0;        // valid during the call only
  virtual void on_room() noexcept = 0;                        // queued() has become smaller
  virtual void on_over(const std::string& why) noexcept = 0;  // ended or broken; last

 protected:
  ~ChannelObserver() = default;
};

class TlsChannel final : public net::TcpObserver {
 public:
  TlsChannel(std::unique_ptr<net::TcpSocket> socket, std::unique_ptr<tls::Engine> engine, ChannelObserver& observer);
  // A server's: `accept` gives the engine for the name that the client sends.
  using Accept = std::function<std::unique_ptr<tls::Engine>(const std::string& name)>;
  TlsChannel(std::unique_ptr<net::TcpSocket> socket, Accept accept, ChannelObserver& observer);

  // `connect_to`: the authority that an HTTP proxy is asked for first (CONNECT); empty: TLS begins at once.
  void begin(const std::string& connect_to = {});
  void send(Bytes plaintext);  // queues; precondition: open
  void flush() noexcept { socket_->flush(); }
  std::size_t queued() const noexcept { return socket_->queued(); }
  const tls::Handshake& handshake() const noexcept { return engine_->handshake(); }

  void on_received(Bytes bytes) noexcept override;
  void on_ended() noexcept override { observer_.on_over("ended"); }
  void on_broken(const Error& error) noexcept override { observer_.on_over(error.detail); }
  void on_written() noexcept override { observer_.on_room(); }

 private:
  void begin_tls();
  void proxy_answered(Bytes bytes);
  bool take_hello(Bytes bytes);  // false: more of it must come

  std::unique_ptr<net::TcpSocket> socket_;
  std::unique_ptr<tls::Engine> engine_;
  ChannelObserver& observer_;
  Buffer plaintext_;
  Accept accept_;
  std::string hello_;  // as far as it has come
  bool asking_proxy_ = false;
  std::string proxy_head_;  // as far as it has come
};

}  // namespace borehole::bench
