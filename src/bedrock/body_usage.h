// Usage and stop reason in the JSON of a model's answer, by its shape; never looks at the model's name.
#pragma once

#include <optional>
#include <string_view>

#include <simdjson.h>

#include "bedrock/usage.h"

namespace borehole::bedrock {

// `source` is left empty: only the caller knows where the body came from.
Usage body_usage(simdjson::dom::element body) noexcept;

// Valid as long as the document.
std::optional<std::string_view> body_stop_reason(simdjson::dom::element body) noexcept;

// Whether a Converse answer, or the last event of its stream, names another service tier than the default, or optimised
// latency.
bool members_priced_otherwise(simdjson::dom::element body) noexcept;

}  // namespace borehole::bedrock
