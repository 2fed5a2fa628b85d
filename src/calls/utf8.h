// Text as records and terminals may hold it: what is valid UTF-8, and how the rest is written. Never changes a body.
#pragma once

#include <string>
#include <string_view>

namespace borehole::calls {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

// Without the first octets of a character that was cut off at the end; at most three are taken away.
std::string_view without_partial_utf8(std::string_view text) noexcept;

// Appends `text` in quotes as a JSON string (RFC 8259 section 7). Control characters, DEL and U+0080 to U+009F among
// them, are escaped, so that a terminal can be shown the result; octets that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

// With U+FFFD for octets that are no UTF-8.
std::string with_replacements(std::string_view text);

// For one line of a terminal: control characters of both ranges and octets that are no UTF-8 as \xNN, characters that
// are unseen or turn the direction of writing as \u{…}.
std::string for_terminal(std::string_view text);

}  // namespace borehole::calls
