// Certificates out of PEM or DER files, with what one tells them apart by. Never judges whether they are to be trusted.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace borehole::ca {

struct ListedCertificate {
  std::string der;
  std::string subject;       // RFC 2253
  std::string common_name;   // UTF-8; the organisation where there is none
  std::string sha256, sha1;  // fingerprints, lower hex
  WallTime not_after{};
  bool is_borehole_root = false;  // by its name: O=borehole, CN=borehole development CA …
};

// Every certificate in `content`: PEM texts one after the other, or one DER. What cannot be read is left out.
std::vector<ListedCertificate> list_certificates(Bytes content);
std::string to_pem(const ListedCertificate& certificate);

}  // namespace borehole::ca
