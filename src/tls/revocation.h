// Whether a stapled OCSP response revokes a certificate. Never asks anybody: a response that is missing, damaged or not
// the issuer's says nothing.
#pragma once

#include <openssl/base.h>

#include "base/bytes.h"

namespace borehole::tls {

// `issuer` signed `leaf`. True where the response is signed by the issuer, or by whom the issuer lets answer for it
// (RFC 6960 section 4.2.2.2), and names `leaf` as revoked.
bool is_revoked(Bytes staple, X509& leaf, X509& issuer);

}  // namespace borehole::tls
