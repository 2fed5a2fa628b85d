// Name constraints as an extension's octets, and back (RFC 5280 section 4.2.1.10). Never permits what it cannot read.
#pragma once

#include <openssl/base.h>

#include <string>

#include "base/result.h"
#include "ca/certificate_authority.h"

namespace borehole::ca {

// The 4 or 16 octets of an address literal (brackets around IPv6 allowed); empty if it is none.
std::string address_octets(const std::string& literal);
// Lower case, without a trailing dot; empty if it is no host name (RFC 1123, and underscores, which exist).
std::string canonical_host(const std::string& name);

// DER of the NameConstraints value. A kind of name (DNS, IP) that has no entry is excluded altogether, as RFC 5280
// would permit all of it. config_invalid names the entry that is no domain or range; nothing at all is invalid too.
Result<std::string> encode_constraints(const NameConstraints& constraints);
// What a certificate permits; ca_invalid if it has no constraints, or others than `encode_constraints` writes.
Result<NameConstraints> read_constraints(X509& certificate);

}  // namespace borehole::ca
