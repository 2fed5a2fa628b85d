// A certificate in the forms that files and people want. Never included outside ca/.
#pragma once

#include <openssl/base.h>

#include <string>

#include "base/bytes.h"
#include "base/clock.h"

namespace borehole::ca {

std::string hex(Bytes octets);  // lower case
Bytes contents(BIO& memory);    // valid until the BIO changes

bssl::UniquePtr<X509> parse_der(Bytes der);  // nullptr if it is none, or more than one
std::string der_of(X509& certificate);       // empty on failure
std::string pem_of(Bytes der);               // empty on failure

std::string fingerprint(const X509& certificate, const EVP_MD& digest);  // lower hex
std::string subject_text(X509& certificate);                             // RFC 2253
bool wall_time(const ASN1_TIME* time, WallTime& out);

}  // namespace borehole::ca
