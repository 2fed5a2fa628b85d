// TLS sessions of upstreams, kept for resumption by key. Never gives a TLS 1.3 session out twice.
#pragma once

#include <openssl/base.h>
#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "tls/lru_map.h"

namespace borehole::tls {

class SessionCache {
 public:
  void put(const std::string& key, bssl::UniquePtr<SSL_SESSION> session) {
    std::vector<bssl::UniquePtr<SSL_SESSION>>* kept = sessions_.find(key);
    if (kept == nullptr) kept = &sessions_.put(key, {});
    if (kept->size() >= max_per_key) kept->erase(kept->begin());
    kept->push_back(std::move(session));
  }

  // The youngest, or nullptr.
  bssl::UniquePtr<SSL_SESSION> take(const std::string& key) {
    std::vector<bssl::UniquePtr<SSL_SESSION>>* kept = sessions_.find(key);
    if (kept == nullptr || kept->empty()) return nullptr;
    if (SSL_SESSION_should_be_single_use(kept->back().get()) == 0) return bssl::UpRef(kept->back());
    bssl::UniquePtr<SSL_SESSION> session = std::move(kept->back());
    kept->pop_back();
    if (kept->empty()) sessions_.erase(key);
    return session;
  }

 private:
  static constexpr std::size_t max_keys = 256;
  // Servers send one to four tickets a connection; connections to one upstream are opened in bursts.
  static constexpr std::size_t max_per_key = 4;
  LruMap<std::vector<bssl::UniquePtr<SSL_SESSION>>> sessions_{max_keys};
};

}  // namespace borehole::tls
