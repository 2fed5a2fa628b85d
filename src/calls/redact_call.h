// Takes out of a decoded call what its rules hide, before any sink sees it. Never touches a call without rules.
#pragma once

#include "bedrock/operation.h"
#include "calls/captured_call.h"

namespace borehole::calls {

// `operation` may be null: not recognised. Never throws: where memory or time runs out, what was not looked through is
// not kept, and the record says so.
void redact(CapturedCall& call, const bedrock::Operation* operation) noexcept;

}  // namespace borehole::calls
