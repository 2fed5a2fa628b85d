// Which certificate chains were found good a moment ago, so that a burst of connections to one upstream verifies its
// chain once. Never knows a chain for another host, another staple or other certificates than it was verified with.
#pragma once

#include <openssl/base.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/lru_map.h"
#include "tls/digest.h"

namespace borehole::tls {

// Of one trust store; one thread's. Times are seconds since 1970 by the clock that BoringSSL verifies by, time(2).
class VerifiedChains {
 public:
  static constexpr std::int64_t known_for = 300;

  // SHA-256 of all that a verdict hangs on: the host, what the server sent (RFC 8446 section 4.4.2) and its stapled
  // OCSP response, each with its length before it.
  static Sha256 key(const std::string& host, const STACK_OF(CRYPTO_BUFFER) * sent, Bytes staple) noexcept;

  bool contains(const Sha256& key, std::int64_t now);
  // `verified` was found good at `now`; it is known until one of its certificates ends, at most for `known_for`. Where
  // memory runs out it is not known.
  void add(const Sha256& key, const STACK_OF(X509) * verified, std::int64_t now) noexcept;

 private:
  struct Span {
    std::int64_t from, until;
  };
  static constexpr std::size_t max_chains = 256;
  LruMap<Span> known_{max_chains};
};

}  // namespace borehole::tls
