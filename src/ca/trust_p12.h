// Writes PKCS#12 files (RFC 7292) of certificates alone, which Java takes as trust anchors. Never holds a key.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace borehole::ca {

struct TrustAnchor {
  std::string alias;  // what keytool calls it; UTF-8, distinct without regard to case
  std::string der;    // the certificate
};

inline constexpr const char* usual_p12_password = "changeit";  // Java's own stores have it too; no secret

// Each entry bears Oracle's trustedKeyUsage attribute (2.16.840.1.113894.746875.1.1), without which Java ignores it.
// Encrypted with PBES2 (PBKDF2-HMAC-SHA256, AES-256-CBC), MAC HMAC-SHA256: Java 8 reads that from update 301 on.
// config_invalid if the password is shorter than 6 characters, which keytool refuses, or no UTF-8.
Result<std::string> to_pkcs12_trust_store(const std::vector<TrustAnchor>& anchors, const std::string& password);

}  // namespace borehole::ca
