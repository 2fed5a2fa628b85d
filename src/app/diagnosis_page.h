// A diagnosis as a page for a person: why, how to mend it, what was seen. Never lets anything from the wire reach the
// terminal as it came.
#pragma once

#include <string>

#include "bedrock/diagnosis.h"
#include "bedrock/json_value.h"

namespace borehole::app {

std::string diagnosis_page(const bedrock::JsonValue& record, const bedrock::Diagnosis& diagnosis, bool colours);

}  // namespace borehole::app
