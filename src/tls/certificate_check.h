// Verifies an upstream's certificate chain, and says in words why one is refused. Never accepts what BoringSSL refuses.
#pragma once

#include <openssl/base.h>
#include <openssl/x509.h>

#include <string>

#include "base/bytes.h"

namespace borehole::tls {

// Sets what `host` (name or IP literal) demands. False if it can be neither: then no certificate may be accepted.
bool demand_host(X509_VERIFY_PARAM& param, const std::string& host);

// X509_verify_cert, and on top: no SHA-1 or MD5 signatures, no RSA below 2048 bits, no curve below 256, no certificate
// that the stapled OCSP response (empty: none came) revokes. 1 or 0. If refused, the reason is in `why`: one sentence
// with the remedy.
int verify_chain(X509_STORE_CTX& context, const std::string& host, Bytes staple, std::string& why);

}  // namespace borehole::tls
