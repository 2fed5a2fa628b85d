// The trusted certificates as BoringSSL wants them. Never included outside tls/.
#pragma once

#include <openssl/base.h>
#include <openssl/x509.h>

#include "tls/client_context.h"

namespace borehole::tls {

struct TrustStore::State {
  bssl::UniquePtr<X509_STORE> store;  // its lookups lock
  std::size_t system_roots = 0;
};

}  // namespace borehole::tls
