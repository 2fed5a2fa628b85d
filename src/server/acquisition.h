// Opens one connection to an upstream: dial, the corporate proxy's CONNECT if there is one, TLS. In steps, so that TLS
// can wait for what the client wants.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "http/message_reader.h"
#include "net/dialer.h"
#include "net/loop.h"
#include "proxy/effects.h"
#include "server/counters.h"
#include "server/graveyard.h"
#include "server/upstream_connection.h"
#include "tls/client_context.h"

namespace borehole::server {

// What all of a worker's acquisitions share.
struct UpstreamWorld {
  net::Loop& loop;
  net::ResolverClient& resolver;
  tls::ClientContext& tls;
  WorkerCounters& counters;
  Duration connect_timeout;
  net::AddressRule client_rule;      // for targets that clients name
  net::AddressRule configured_rule;  // for targets that the configuration names
  // `upstream.resolve`: the address configured for a host and port.
  std::function<std::optional<net::Address>(const std::string& host, std::uint16_t port)> resolve_rule;
  struct Proxy {
    std::string host;
    std::uint16_t port = 0;
    std::string authorization;  // value of Proxy-Authorization; empty: none
  };
  std::optional<Proxy> proxy;
  net::OwnDials* own_dials = nullptr;
};

class AcquisitionObserver {
 public:
  virtual ~AcquisitionObserver() = default;
  // Never called inside a call on the acquisition. The acquisition may be retired inside them, not destroyed.
  virtual void on_tcp_open() noexcept = 0;
  virtual void on_ready(std::unique_ptr<UpstreamConnection> connection) noexcept = 0;
  virtual void on_acquisition_failed(const Error& error) noexcept = 0;
};

// Where memory runs out inside a call on it (std::bad_alloc) it is of no more use; else it has failed.
class Acquisition final : public net::TcpObserver, public Mortal<Acquisition> {
 public:
  // Dials at once. With `secure_at_once` TLS follows without a stop (or, for a target without TLS, on_ready).
  Acquisition(const UpstreamWorld& world, proxy::UpstreamTarget target, bool secure_at_once,
              AcquisitionObserver& observer, std::vector<std::string> alpn = {"http/1.1"});
  ~Acquisition() override;

  const proxy::UpstreamTarget& target() const noexcept { return target_; }
  bool tcp_open() const noexcept { return stage_ == Stage::open; }
  // TCP is open, or will be: go on with TLS, towards `target` (same host and port; the name to prove may be known
  // better now).
  void secure(const proxy::UpstreamTarget& target, std::vector<std::string> alpn = {"http/1.1"});
  // Nothing is called any more.
  void cancel() noexcept;
  // Precondition: tcp_open(). The connection as it is, without TLS.
  std::unique_ptr<UpstreamConnection> take_raw();

  void on_received(Bytes bytes) noexcept override;
  void on_ended() noexcept override;
  void on_broken(const Error& error) noexcept override;
  void on_written() noexcept override {}

 private:
  enum class Stage : std::uint8_t { dialling, asking_proxy, open, securing, failing, done };
  void dialled(Result<std::unique_ptr<net::TcpSocket>> socket) noexcept;
  void ask_proxy();
  void proxy_answered(Bytes bytes);
  void handshake_came(Bytes bytes);
  Error too_slow() const;
  void opened();
  void begin_tls();
  void fail(const Error& error) noexcept;
  template <class F>
  void guarded(F&& step) noexcept;

  const UpstreamWorld& world_;
  proxy::UpstreamTarget target_;
  bool secure_at_once_;
  std::vector<std::string> alpn_;  // offered
  AcquisitionObserver& observer_;
  Stage stage_ = Stage::dialling;
  TimePoint began_;
  TimePoint tls_began_{};
  calls::UpstreamFacts facts_;
  std::unique_ptr<net::Dial> dial_;
  std::unique_ptr<net::TcpSocket> socket_;
  std::unique_ptr<tls::Engine> engine_;
  std::optional<http::MessageReader> proxy_reader_;
  Buffer plaintext_;
  net::Timer timer_;  // for the proxy's answer and TLS, together
};

}  // namespace borehole::server
