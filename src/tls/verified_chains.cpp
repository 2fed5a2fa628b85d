#include "tls/verified_chains.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/sha.h>

#include <algorithm>
#include <new>

namespace borehole::tls {
namespace {

void add_to(SHA256_CTX& hash, const void* octets, std::size_t size) noexcept {
  const std::uint64_t length = size;
  SHA256_Update(&hash, &length, sizeof length);
  SHA256_Update(&hash, octets, size);
}

}  // namespace

Sha256 VerifiedChains::key(const std::string& host, const STACK_OF(CRYPTO_BUFFER) * sent, Bytes staple) noexcept {
  SHA256_CTX hash;
  SHA256_Init(&hash);
  add_to(hash, host.data(), host.size());
  add_to(hash, staple.data(), staple.size());
  const std::size_t count = sent == nullptr ? 0 : sk_CRYPTO_BUFFER_num(sent);
  for (std::size_t i = 0; i < count; ++i) {
    const CRYPTO_BUFFER* certificate = sk_CRYPTO_BUFFER_value(sent, i);
    add_to(hash, CRYPTO_BUFFER_data(certificate), CRYPTO_BUFFER_len(certificate));
  }
  Sha256 key{};
  SHA256_Final(key.data(), &hash);
  return key;
}

bool VerifiedChains::contains(const Sha256& key, std::int64_t now) {
  const Span* span = known_.find(std::string(octets_of(key)));
  // A clock that was set back behind the verification says nothing about it.
  return span != nullptr && now >= span->from && now < span->until;
}

void VerifiedChains::add(const Sha256& key, const STACK_OF(X509) * verified, std::int64_t now) noexcept {
  Span span{now, now + known_for};
  const std::size_t count = verified == nullptr ? 0 : sk_X509_num(verified);
  const bssl::UniquePtr<ASN1_TIME> from(ASN1_TIME_set(nullptr, now));
  if (count == 0 || !from) return ERR_clear_error();
  for (std::size_t i = 0; i < count; ++i) {
    int days = 0;
    int seconds = 0;
    if (ASN1_TIME_diff(&days, &seconds, from.get(), X509_get0_notAfter(sk_X509_value(verified, i))) != 1)
      return ERR_clear_error();
    span.until = std::min(span.until, now + std::int64_t{days} * 86400 + seconds);
  }
  try {
    known_.put(std::string(octets_of(key)), span);
  } catch (const std::bad_alloc&) {  // then the next connection verifies it again
  }
}

}  // namespace borehole::tls
