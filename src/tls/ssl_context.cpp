#include "tls/ssl_context.h"

#include <openssl/nid.h>
#include <openssl/pool.h>

#include <array>
#include <new>
#include <stdexcept>

namespace borehole::tls {
namespace {

// For TLS 1.2; the suites of TLS 1.3 are all AEAD and not configurable in BoringSSL. Our leaves are ECDSA: a server
// needs no others.
constexpr const char* server_suites =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:ECDHE-ECDSA-AES256-GCM-SHA384";
constexpr const char* client_suites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
// What a server may sign its handshake with: BoringSSL would take SHA-1 too.
constexpr std::array<std::uint16_t, 8> server_signatures = {
    SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PKCS1_SHA256,
    SSL_SIGN_ECDSA_SECP384R1_SHA384, SSL_SIGN_RSA_PSS_RSAE_SHA384, SSL_SIGN_RSA_PKCS1_SHA384,
    SSL_SIGN_RSA_PSS_RSAE_SHA512,    SSL_SIGN_RSA_PKCS1_SHA512};
// BoringSSL would sign with SHA-1 where a client of TLS 1.2 offers nothing else.
constexpr std::array<std::uint16_t, 2> own_signatures = {SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA256};
// P-384 comes last, for sites under CNSA rules that offer nothing else.
constexpr std::array<int, 3> groups = {NID_X25519, NID_X9_62_prime256v1, NID_secp384r1};

}  // namespace

bssl::UniquePtr<SSL_CTX> make_ssl_context(const SSL_METHOD* method, Role role) {
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(method));
  if (!context) throw std::bad_alloc();
  const bool ok =
      SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1 &&
      SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION) == 1 &&
      SSL_CTX_set_strict_cipher_list(context.get(), role == Role::server ? server_suites : client_suites) == 1 &&
      (role == Role::server
           ? SSL_CTX_set_signing_algorithm_prefs(context.get(), own_signatures.data(), own_signatures.size())
           : SSL_CTX_set_verify_algorithm_prefs(context.get(), server_signatures.data(), server_signatures.size())) ==
          1 &&
      SSL_CTX_set1_curves(context.get(), groups.data(), groups.size()) == 1;
  if (!ok) throw std::runtime_error("BoringSSL refuses the TLS settings");
  SSL_CTX_set_early_data_enabled(context.get(), 0);
  return context;
}

CRYPTO_BUFFER_POOL* certificate_pool() noexcept {
  static CRYPTO_BUFFER_POOL* const pool = CRYPTO_BUFFER_POOL_new();
  return pool;
}

}  // namespace borehole::tls
