// TLS sessions of upstreams, kept for resumption by key. Never gives a TLS 1.3 session out twice.
#pragma once

#include <openssl/base.h>
#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "base/lru_map.h"

namespace borehole::tls {

class SessionCache {
 public:
  void put(const std::string& key, bssl::UniquePtr<SSL_SESSION> session);
  // The youngest, or nullptr. A certificate that has expired since does not live on in its session.
  bssl::UniquePtr<SSL_SESSION> take(const std::string& key);

 private:
  static constexpr std::size_t max_keys = 256;
  // Servers send one to four tickets a connection; connections to one upstream are opened in bursts.
  static constexpr std::size_t max_per_key = 4;
  LruMap<std::vector<bssl::UniquePtr<SSL_SESSION>>> sessions_{max_keys};
};

}  // namespace borehole::tls
