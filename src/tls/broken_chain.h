// Says in words where a certificate chain breaks off before it reaches a root that is trusted. Never decides whether it
// does.
#pragma once

#include <openssl/base.h>
#include <openssl/x509.h>

#include <optional>
#include <string>

namespace borehole::tls {

struct BrokenChain {
  std::string reason;  // "its chain ends in …"
  std::string remedy;
};

// Behind a failed X509_verify_cert whose error is `error`. Nothing: it failed for another reason.
std::optional<BrokenChain> broken_chain(X509_STORE_CTX& context, int error);

// The name as people read it; control characters are escaped.
std::string name_text(X509_NAME* name);

}  // namespace borehole::tls
