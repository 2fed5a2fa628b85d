#include "tls/server_context.h"

#include <openssl/sha.h>
#include <openssl/ssl.h>

#include <array>
#include <new>
#include <utility>

#include "tls/leaf.h"
#include "tls/ssl_context.h"
#include "tls/ssl_engine.h"
#include "tls/ticket_keys.h"

namespace borehole::tls {
namespace {

bool is_distrust(int reason) noexcept {
  return reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA || reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
         reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN || reason == SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE ||
         reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED;
}

class ServerEngine final : public SslEngine {
 public:
  ServerEngine(bssl::UniquePtr<SSL> ssl, LeafSource& leaves, const Resumption& resumption,
               ServerContext::Options options)
      : SslEngine(std::move(ssl)), leaves_(leaves), ticket_keys_(resumption.keys.get()), options_(std::move(options)) {
    SSL_set_accept_state(this->ssl());
    // A session is resumed only under the name it was made for, and the CA.
    const std::string made_for = options_.leaf_name + '\0' + resumption.issuer;
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> context{};
    SHA256(reinterpret_cast<const std::uint8_t*>(made_for.data()), made_for.size(), context.data());
    if (SSL_set_session_id_context(this->ssl(), context.data(), context.size()) != 1) throw std::bad_alloc();
  }

  bool set_leaf() {
    leaf_ = leaves_.leaf_for(options_.leaf_name);
    if (!leaf_ || leaf_->chain().empty()) return false;
    return SSL_set_chain_and_key(ssl(), leaf_->chain().data(), leaf_->chain().size(), leaf_->key(), nullptr) == 1;
  }

  const std::vector<std::string>& alpn() const noexcept { return options_.alpn; }
  TicketKeys& ticket_keys() const noexcept { return *ticket_keys_; }

 protected:
  Error explain(int reason, const std::string& words) const override {
    const std::string where = options_.leaf_name.empty() ? "" : " for " + options_.leaf_name;
    if (is_distrust(reason)) {
      return client_error("the client refused the certificate" + where + " (alert: " + received_alert(reason) +
                          "): it does not trust borehole's CA; set AWS_CA_BUNDLE, SSL_CERT_FILE or "
                          "NODE_EXTRA_CA_CERTS as `borehole env` prints them");
    }
    if (const char* alert = received_alert(reason)) {
      return client_error("the client ended the TLS handshake" + where + " (alert: " + alert + ")");
    }
    switch (reason) {
      case SSL_R_CERT_CB_ERROR:
        return {ErrorCode::client_tls_failed, Fault::proxy, "no certificate could be made" + where};
      case SSL_R_NO_APPLICATION_PROTOCOL:
        return client_error("the client offers no ALPN protocol that is spoken here" + where);
      case SSL_R_UNSUPPORTED_PROTOCOL:
        return client_error("the client offers neither TLS 1.2 nor TLS 1.3" + where + ": update its TLS library");
      case SSL_R_NO_SHARED_CIPHER:
        return client_error("the client offers no cipher suite with ECDHE, ECDSA and AEAD" + where);
      case SSL_R_HTTP_REQUEST:
        return client_error("the client sent plain HTTP where TLS was expected: use http:// in the proxy's address");
      default: return client_error("TLS with the client failed" + where + ": " + words);
    }
  }

 private:
  static Error client_error(std::string detail) {
    return {ErrorCode::client_tls_failed, Fault::client, std::move(detail)};
  }

  LeafSource& leaves_;
  TicketKeys* ticket_keys_;
  ServerContext::Options options_;
  std::shared_ptr<const Leaf> leaf_;
};

ServerEngine& server_of(const SSL* ssl) noexcept { return static_cast<ServerEngine&>(engine_of(ssl)); }

int choose_certificate(SSL* ssl, void*) noexcept { return server_of(ssl).set_leaf() ? 1 : 0; }

int choose_ticket_key(SSL* ssl, std::uint8_t* name, std::uint8_t* iv, EVP_CIPHER_CTX* cipher, HMAC_CTX* hmac,
                      int encrypt) noexcept {
  TicketKeys& keys = server_of(ssl).ticket_keys();
  if (encrypt != 0) return keys.seal(name, iv, cipher, hmac) ? 1 : -1;
  switch (keys.open(name, iv, cipher, hmac)) {
    case TicketKeys::Opened::yes: return 1;
    case TicketKeys::Opened::with_an_old_key: return 2;  // it gets a new ticket
    case TicketKeys::Opened::no: break;
  }
  return 0;
}

int choose_protocol(SSL* ssl, const std::uint8_t** out, std::uint8_t* out_size, const std::uint8_t* in,
                    unsigned in_size, void*) noexcept {
  const Bytes offered(reinterpret_cast<const char*>(in), in_size);
  for (const std::string& ours : server_of(ssl).alpn()) {
    for (std::size_t at = 0; at < offered.size();) {
      const auto size = static_cast<std::uint8_t>(offered[at]);
      const Bytes theirs = offered.substr(at + 1, size);
      if (theirs == ours) {
        *out = in + at + 1;
        *out_size = size;
        return SSL_TLSEXT_ERR_OK;
      }
      at += 1U + size;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

struct ServerContext::State {
  LeafSource& leaves;
  Resumption resumption;
  bssl::UniquePtr<SSL_CTX> context;
};

ServerContext::ServerContext(LeafSource& leaves, Resumption resumption)
    : state_(std::make_unique<State>(
          State{leaves, std::move(resumption), make_ssl_context(TLS_with_buffers_method(), Role::server)})) {
  SSL_CTX* context = state_->context.get();
  SSL_CTX_set_cert_cb(context, choose_certificate, nullptr);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  // Sessions live in tickets; keys that are the context's own rotate by themselves.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (state_->resumption.keys != nullptr) SSL_CTX_set_tlsext_ticket_key_cb(context, choose_ticket_key);
  SSL_CTX_set_num_tickets(context, 1);
}

ServerContext::~ServerContext() = default;

std::shared_ptr<TicketKeys> make_ticket_keys(const Clock& clock) { return std::make_shared<TicketKeys>(clock); }

std::unique_ptr<Engine> ServerContext::accept(Options options) {
  return std::make_unique<ServerEngine>(bssl::UniquePtr<SSL>(SSL_new(state_->context.get())), state_->leaves,
                                        state_->resumption, std::move(options));
}

}  // namespace borehole::tls
