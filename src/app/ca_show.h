// What `borehole ca show` says of the CA: for people, and as JSON. Never prints it.
#pragma once

#include <string>
#include <vector>

#include "app/trust_stores.h"
#include "base/clock.h"
#include "ca/certificate_authority.h"

namespace borehole::app {

std::string readable_authority(const ca::CertificateAuthority& authority, const std::vector<TrustStoreState>& stores,
                               WallTime now);
// One object on one line.
std::string authority_json(const ca::CertificateAuthority& authority, const std::vector<TrustStoreState>& stores,
                           WallTime now);
// A sentence where the CA ends soon; empty otherwise.
std::string ends_soon(const ca::AuthorityFacts& facts, WallTime now);

}  // namespace borehole::app
