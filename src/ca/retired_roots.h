// The roots that `ca rotate` has put aside, so that they can be taken out of trust stores exactly. Never holds more of
// them than their names and fingerprints.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace borehole::ca {

// SHA-256 fingerprints, lower hex, the oldest first. What is no fingerprint is left out.
std::vector<std::string> retired_roots(const std::string& folder);
// Puts the root in `folder` on the list; nothing to do where there is none that can be read. The lock is held.
Result<void> retire_root(const std::string& folder);

}  // namespace borehole::ca
