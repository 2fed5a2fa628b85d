// The files beside a CA that clients are given: bundle.pem and, for Java, trust.p12. Never touches the CA itself.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ca/trust_p12.h"

namespace borehole::ca {

// Writes bundle.pem (the system's roots and ours) and trust.p12 (the same, password `usual_p12_password`), each in one
// step, where they are missing or the system's roots have changed. Where they cannot be written, an old one will do,
// and so will none of trust.p12; the log says so.
Result<void> refresh_client_files(const std::string& folder, const std::string& root_pem);

// Ours, and the system's where they are asked for; each once.
std::vector<TrustAnchor> trust_anchors(const std::string& root_pem, bool with_system_roots);

}  // namespace borehole::ca
