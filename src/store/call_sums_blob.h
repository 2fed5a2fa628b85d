// Sums over calls as they stand in the store. Never looks whether they are right.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/call_statistics.h"

namespace borehole::store {

// Precondition: `sums.possible()`.
std::string encode(const CallSums& sums);

// nullopt: damaged.
std::optional<CallSums> decode_sums(std::string_view blob);

}  // namespace borehole::store
