// A diagnosis as one JSON object on one line: what `borehole calls explain --json` and /api/calls/ID/explain give.
#pragma once

#include <string>
#include <string_view>

#include "bedrock/diagnosis.h"

namespace borehole::calls {

// {"id","failed","findings":[{"code","sentence","remedy","evidence":[…]}…],
//  "canonical":{"ours","amazons","same","line","our_line","amazons_line"},"signature":{"proof","sentence"}}; the last
// two are left out where there are none.
std::string to_json(std::string_view id, const bedrock::Diagnosis& diagnosis);

}  // namespace borehole::calls
