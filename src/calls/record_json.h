// A record as one JSON object on one line (CONTRACT section 8), and back. Field order is the contract's.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "calls/call_record.h"

namespace borehole::calls {

// Unknown fields are left out. Bodies that are not valid UTF-8 are written as base64, with `"body_encoding":"base64"`
// beside them.
std::string to_json(const CallRecord& record);

// The same behind what is in `out` already: for many records in one text.
void append_json(std::string& out, const CallRecord& record);

}  // namespace borehole::calls
