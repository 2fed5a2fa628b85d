#include "tls/client_context.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <new>
#include <utility>

#include "base/log.h"
#include "tls/certificate_check.h"
#include "tls/error_queue.h"
#include "tls/session_cache.h"
#include "tls/ssl_context.h"
#include "tls/ssl_engine.h"
#include "tls/trust_state.h"
#include "tls/verified_chains.h"

namespace borehole::tls {
namespace {

// A name as it is verified and sent: lower case, without one trailing dot; an IPv6 literal without brackets.
std::string canonical(std::string host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.size() > 1 && host.back() == '.') host.pop_back();
  std::transform(host.begin(), host.end(), host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return host;
}

bool is_address(const std::string& host) {
  return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

// RFC 7301 section 3.1. False if a protocol cannot be written so.
bool alpn_wire(const std::vector<std::string>& protocols, std::string& wire) {
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > 255) return false;
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return true;
}

// What the connections of one context hand on to each other.
struct Remembered {
  SessionCache sessions;
  VerifiedChains chains;
  std::size_t verified = 0;
};

class ClientEngine final : public SslEngine {
 public:
  ClientEngine(bssl::UniquePtr<SSL> ssl, Remembered& remembered, ClientContext::Options options)
      : SslEngine(std::move(ssl)), remembered_(remembered), host_(canonical(std::move(options.host))) {
    SSL_set_connect_state(this->ssl());
    std::string alpn;
    const bool ok = demand_host(*SSL_get0_param(this->ssl()), host_) && alpn_wire(options.alpn, alpn) &&
                    (is_address(host_) || SSL_set_tlsext_host_name(this->ssl(), host_.c_str()) == 1) &&
                    SSL_set_alpn_protos(this->ssl(), reinterpret_cast<const std::uint8_t*>(alpn.data()),
                                        static_cast<unsigned>(alpn.size())) == 0;
    if (!ok) {
      if (memory_ran_out()) throw std::bad_alloc();
      fail_with({ErrorCode::tls_failed, Fault::client,
                 fmt::format("\"{}\" is no host name that a certificate could prove", log::escaped(host_))});
      return;
    }
    session_key_ = fmt::format("{}|{}|{}", host_, options.port, alpn);
    if (auto session = remembered_.sessions.take(session_key_)) SSL_set_session(this->ssl(), session.get());
  }

  Result<void> start(Buffer& to_peer) override {
    if (auto ready = SslEngine::start(to_peer); !ready) return ready;
    return begin_handshake(to_peer);
  }

  using SslEngine::note_lack_of_memory;

  int verify(X509_STORE_CTX& context) {
    const std::uint8_t* octets = nullptr;
    std::size_t size = 0;
    SSL_get0_ocsp_response(ssl(), &octets, &size);
    const Bytes staple(reinterpret_cast<const char*>(octets), size);
    const Sha256 key = VerifiedChains::key(host_, SSL_get0_peer_certificates(ssl()), staple);
    const std::int64_t now = std::time(nullptr);
    if (remembered_.chains.contains(key, now)) return 1;
    ++remembered_.verified;
    if (verify_chain(context, host_, staple, rejection_) != 1) return 0;
    remembered_.chains.add(key, X509_STORE_CTX_get0_chain(&context), now);
    return 1;
  }

  void keep(bssl::UniquePtr<SSL_SESSION> session) { remembered_.sessions.put(session_key_, std::move(session)); }

 protected:
  Error explain(int reason, const std::string& words) const override {
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      return {ErrorCode::certificate_rejected, Fault::upstream,
              rejection_.empty() ? fmt::format("the certificate of {} is not accepted", host_) : rejection_};
    }
    if (const char* alert = received_alert(reason)) {
      const char* hint = "";
      if (reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION) hint = ": it speaks neither TLS 1.2 nor TLS 1.3";
      if (reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE) hint = ": no TLS version or cipher suite in common";
      if (reason == SSL_R_TLSV1_ALERT_CERTIFICATE_REQUIRED) hint = ": it wants a client certificate";
      return tls_error(fmt::format("{} ended TLS (alert: {}){}", host_, alert, hint));
    }
    switch (reason) {
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_HTTP_REQUEST:
      case SSL_R_HTTPS_PROXY_REQUEST:
        return tls_error(fmt::format("{} does not answer with TLS: check scheme and port ({})", host_, words));
      case SSL_R_UNSUPPORTED_PROTOCOL: return tls_error(fmt::format("{} speaks neither TLS 1.2 nor TLS 1.3", host_));
      default: return tls_error(fmt::format("TLS with {} failed: {}", host_, words));
    }
  }

 private:
  static Error tls_error(std::string detail) { return {ErrorCode::tls_failed, Fault::upstream, std::move(detail)}; }

  Remembered& remembered_;
  std::string host_;
  std::string session_key_;
  std::string rejection_;  // why the certificate was refused
};

ClientEngine& client_of(const SSL* ssl) noexcept { return static_cast<ClientEngine&>(engine_of(ssl)); }

int verify_certificate(X509_STORE_CTX* context, void*) noexcept {
  const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (ssl == nullptr) return 0;
  try {
    return client_of(ssl).verify(*context);
  } catch (const std::bad_alloc&) {
    client_of(ssl).note_lack_of_memory();
    return 0;
  }
}

int keep_session(SSL* ssl, SSL_SESSION* session) noexcept {
  bssl::UniquePtr<SSL_SESSION> ours(session);
  try {
    client_of(ssl).keep(std::move(ours));
  } catch (const std::bad_alloc&) {  // then there will be a full handshake
  }
  return 1;
}

}  // namespace

struct ClientContext::State {
  std::shared_ptr<const TrustStore> trust;
  bssl::UniquePtr<SSL_CTX> context;
  Remembered remembered;
};

ClientContext::ClientContext(std::shared_ptr<const TrustStore> trust) : state_(std::make_unique<State>()) {
  state_->trust = std::move(trust);
  state_->context = make_ssl_context(TLS_method(), Role::client);
  SSL_CTX* context = state_->context.get();
  X509_STORE* store = state_->trust->state().store.get();
  X509_STORE_up_ref(store);
  SSL_CTX_set_cert_store(context, store);
  bssl::UniquePtr<X509_VERIFY_PARAM> param(X509_VERIFY_PARAM_new());
  if (!param) throw std::bad_alloc();
  // What the user lists in ca_files is an anchor, be it self-signed or not. Our own trust goes before what the server
  // sends along, which may hold an expired cross certificate.
  X509_VERIFY_PARAM_set_flags(param.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
  if (X509_VERIFY_PARAM_set_purpose(param.get(), X509_PURPOSE_SSL_SERVER) != 1 ||
      SSL_CTX_set1_param(context, param.get()) != 1)
    throw std::bad_alloc();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify_certificate, nullptr);
  // Of certificates that many connections and sessions hold one copy is kept.
  SSL_CTX_set0_buffer_pool(context, certificate_pool());
  SSL_CTX_enable_ocsp_stapling(context);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_session);
}

ClientContext::~ClientContext() = default;

std::unique_ptr<Engine> ClientContext::connect(Options options) {
  return std::make_unique<ClientEngine>(bssl::UniquePtr<SSL>(SSL_new(state_->context.get())), state_->remembered,
                                        std::move(options));
}

std::size_t ClientContext::chains_verified() const noexcept { return state_->remembered.verified; }

}  // namespace borehole::tls
