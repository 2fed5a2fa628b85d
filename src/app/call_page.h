// One recorded call as a page for a person: what, who, where, the conversation, tokens, cost, times. Never lets
// anything from the wire reach the terminal as it came.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bedrock/json_value.h"
#include "store/call_summary.h"

namespace borehole::app {

// What the record itself does not tell.
struct CallSurroundings {
  std::string key_name;                      // what the configuration calls the key
  std::vector<store::CallSummary> attempts;  // of its invocation, oldest first
};

std::string call_page(const bedrock::JsonValue& record, bool colours, const CallSurroundings& around = {});

}  // namespace borehole::app
