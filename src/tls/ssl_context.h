// The settings that both sides share: versions, suites, groups. Never included outside tls/.
#pragma once

#include <openssl/base.h>
#include <openssl/ssl.h>

#include <cstdint>

namespace borehole::tls {

enum class Role : std::uint8_t { server, client };

// TLS 1.2 and 1.3; ECDHE with AEAD suites only; no early data, no renegotiation, no compression. Throws at failure:
// contexts are made at start-up.
bssl::UniquePtr<SSL_CTX> make_ssl_context(const SSL_METHOD* method, Role role);

// Certificates as upstreams sent them, each once for the whole process. Any thread. What it holds ends with its last
// holder; the pool itself does not, since it must outlive all of them. Null: there is no memory for one.
CRYPTO_BUFFER_POOL* certificate_pool() noexcept;

}  // namespace borehole::tls
