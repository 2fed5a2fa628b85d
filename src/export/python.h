// Texts and JSON values as literals of Python, and JSON as Python's json.dumps writes it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bedrock/json_value.h"

namespace borehole::exporting {

// 'text' in quotes; `text` is UTF-8.
std::string python_string(std::string_view text);
// b'octets'
std::string python_bytes(std::string_view octets);
// A name that can stand as a keyword argument.
bool python_name(std::string_view text);

// Which texts are base64 of octets that boto3 wants as they are: asked with the names above a text, the nearest last.
using IsBlob = bool (*)(const std::vector<std::string_view>& names);

// Over several lines where one is too long; `indent` is where it begins. A blob becomes base64.b64decode('…').
// `name`: the one above the value. nullopt: it cannot be written so (a name twice).
std::optional<std::string> python_literal(const bedrock::JsonValue& value, std::size_t indent, IsBlob is_blob = nullptr,
                                          std::string_view name = {});

// How json.dumps must be called so that it gives `json` octet for octet: "" or ", separators=(',', ':')" and the like.
// nullopt: no call of it does.
std::optional<std::string> dumps_arguments(const bedrock::JsonValue& value, std::string_view json);

}  // namespace borehole::exporting
