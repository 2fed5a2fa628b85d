// One recorded call as a page for a person: what, who, where, the conversation, tokens, cost, times. Never lets
// anything from the wire reach the terminal as it came.
#pragma once

#include <string>

#include "bedrock/json_value.h"

namespace borehole::app {

std::string call_page(const bedrock::JsonValue& record, bool colours);

// What an error of Amazon's means and what to do about it; empty for one that is not known.
std::string explained(std::string_view error_type);

}  // namespace borehole::app
