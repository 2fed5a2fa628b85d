#include "tls/session_cache.h"

#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/x509.h>

#include <utility>

namespace borehole::tls {
namespace {

bool has_expired(const SSL_SESSION& session) {
  const STACK_OF(CRYPTO_BUFFER)* chain = SSL_SESSION_get0_peer_certificates(&session);
  const std::size_t count = chain == nullptr ? 0 : sk_CRYPTO_BUFFER_num(chain);
  for (std::size_t i = 0; i < count; ++i) {
    const bssl::UniquePtr<X509> certificate(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, i)));
    if (!certificate || X509_cmp_current_time(X509_get0_notAfter(certificate.get())) <= 0) {
      ERR_clear_error();
      return true;
    }
  }
  return count == 0;
}

}  // namespace

void SessionCache::put(const std::string& key, bssl::UniquePtr<SSL_SESSION> session) {
  std::vector<bssl::UniquePtr<SSL_SESSION>>* kept = sessions_.find(key);
  if (kept == nullptr) kept = &sessions_.put(key, {});
  if (kept->size() >= max_per_key) kept->erase(kept->begin());
  kept->push_back(std::move(session));
}

bssl::UniquePtr<SSL_SESSION> SessionCache::take(const std::string& key) {
  std::vector<bssl::UniquePtr<SSL_SESSION>>* kept = sessions_.find(key);
  if (kept == nullptr) return nullptr;
  if (kept->empty() || has_expired(*kept->back())) {
    sessions_.erase(key);
    return nullptr;
  }
  if (SSL_SESSION_should_be_single_use(kept->back().get()) == 0) return bssl::UpRef(kept->back());
  bssl::UniquePtr<SSL_SESSION> session = std::move(kept->back());
  kept->pop_back();
  if (kept->empty()) sessions_.erase(key);
  return session;
}

}  // namespace borehole::tls
