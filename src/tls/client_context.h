// Makes the client side of TLS connections towards upstreams: chain and host name strictly verified, with no switch to
// turn it off.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/engine.h"

namespace borehole::tls {

// The certificates that are trusted: the system's roots and more. Immutable, shared by the workers.
class TrustStore {
 public:
  // `ca_files` are PEM files, trusted besides the system's roots (the first existing of the usual bundle files;
  // SSL_CERT_FILE is honoured). A file that cannot be read or holds no certificate is an error that names it.
  static Result<std::shared_ptr<const TrustStore>> load(const std::vector<std::string>& ca_files);
  ~TrustStore();
  std::size_t system_roots() const noexcept;
  // The system's roots as one PEM text (for bundle.pem); empty if none was found.
  static std::string system_roots_pem();

  struct State;
  const State& state() const noexcept { return *state_; }

 private:
  explicit TrustStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Per worker; not thread-safe. Sessions for resumption are kept per (host, port, ALPN), bounded (RFC 8446
// section 4.6.1); a session is used only with the verification that made it: same host, same trust store. A chain that
// was found good is not verified again for five minutes, for the same host and with the same staple.
class ClientContext {
 public:
  explicit ClientContext(std::shared_ptr<const TrustStore> trust);
  ~ClientContext();
  ClientContext(const ClientContext&) = delete;
  ClientContext& operator=(const ClientContext&) = delete;

  struct Options {
    std::string host;          // name or IP literal: verified against the SAN, and sent as SNI if a name
    std::uint16_t port = 443;  // for the session cache's key
    std::vector<std::string> alpn = {"http/1.1"};  // offered, in order
  };
  // TLS 1.2 and 1.3, AEAD suites with ECDHE; verification: chain to the trust store, validity, EKU serverAuth, name by
  // SAN only without partial wildcards (RFC 9525). An ALPN answer that was not offered fails.
  std::unique_ptr<Engine> connect(Options options);
  // How often a chain was verified: neither for sessions that were resumed nor for chains known to be good.
  std::size_t chains_verified() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::tls
