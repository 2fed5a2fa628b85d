// A certificate chain and its key as BoringSSL wants them. Never read from disk, never written to it. Included by tls/
// and ca/ only: it names openssl types.
#pragma once

#include <openssl/base.h>
#include <openssl/evp.h>
#include <openssl/pool.h>

#include <utility>
#include <vector>

namespace borehole::tls {

// Immutable once made; may be shared by connections of one thread, and its parts by all threads (they are counted
// atomically).
class Leaf {
 public:
  // `chain` is DER, leaf first, without the root; `key` fits the first.
  Leaf(std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain, bssl::UniquePtr<EVP_PKEY> key)
      : chain_(std::move(chain)), key_(std::move(key)) {
    for (const auto& certificate : chain_) pointers_.push_back(certificate.get());
  }

  const std::vector<CRYPTO_BUFFER*>& chain() const noexcept { return pointers_; }
  EVP_PKEY* key() const noexcept { return key_.get(); }

 private:
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain_;
  std::vector<CRYPTO_BUFFER*> pointers_;
  bssl::UniquePtr<EVP_PKEY> key_;
};

}  // namespace borehole::tls
