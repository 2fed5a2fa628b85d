// Reads the OCSP response that a server staples to its certificate (RFC 6960 section 4.2.1), strictly as DER. Never
// judges it: see revocation.h.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"

namespace borehole::tls {

// Views into the octets that were read; all of them contents, without tag and length, where no other is said.
struct Staple {
  struct Status {
    Bytes hash_algorithm;  // an object identifier: what the two hashes were made with
    Bytes issuer_name_hash, issuer_key_hash;
    Bytes serial;  // of the certificate it is about
    bool revoked = false;
  };
  Bytes signed_part;  // a whole element, as it was signed
  Bytes signature_algorithm;
  Bytes signature;
  std::vector<Bytes> certificates;  // whole elements: of whom the issuer lets answer, at most 8
  std::vector<Status> statuses;     // at most 64
};

// Nothing for what is no successful, basic OCSP response.
std::optional<Staple> read_staple(Bytes der);

}  // namespace borehole::tls
