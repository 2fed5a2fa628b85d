// Recorded calls as an HTTP Archive (HAR 1.2), which the tools of browsers open. Fields of our own begin with an
// underscore; what the record does not know is -1 or empty, as the format asks.
#pragma once

#include <string>
#include <string_view>

#include "bedrock/json_value.h"

namespace borehole::exporting {

// A file is har_begin(), entries with commas between them, har_end().
std::string har_begin(std::string_view version);
// Streamed answers also have `_eventSourceMessages`, as Chrome writes them. `_borehole` is the record without its
// messages' heads and bodies. `time` is the sum of the timings that are known.
std::string har_entry(const bedrock::JsonValue& record);
std::string har_end();

}  // namespace borehole::exporting
