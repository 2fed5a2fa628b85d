// What a record in JSON holds of its messages: fields and bodies. Never decodes what a body says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bedrock/json_value.h"

namespace borehole::calls {

enum class BodySide : std::uint8_t { request, response };

std::string_view side_name(BodySide side) noexcept;

// The octets as they were kept. nullopt: none were, though there were some.
std::optional<std::string> kept_body(const bedrock::JsonValue& record, BodySide side);

// The first field of this name (case-insensitive) in one of the record's header lists; empty where there is none.
std::string_view header_of(const bedrock::JsonValue& record, BodySide side, std::string_view name);

// The value as JSON text without blanks.
void append_json(std::string& out, const bedrock::JsonValue& value);

}  // namespace borehole::calls
