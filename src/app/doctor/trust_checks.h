// The trust stores of this machine as the doctor sees them. Never changes one.
#pragma once

#include <vector>

#include "app/doctor/finding.h"
#include "app/trust_stores.h"

namespace borehole::app::doctor {

// Programs that are led by `borehole env` or `borehole run` need none of them, so nothing here must be mended.
Findings judge_trust(const std::vector<TrustStoreState>& stores);

}  // namespace borehole::app::doctor
