// The attempts of one invocation, a line each, for a call's page. Never reads the store.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/call_summary.h"

namespace borehole::app {

// "12.3 ms", "14.56 s"
std::string in_ms(double milliseconds);

// Indented by two; with the pauses between them, and which one is `own_id`. Empty where there is no other.
std::string attempt_lines(const std::vector<store::CallSummary>& attempts, std::string_view own_id, bool colours);

}  // namespace borehole::app
