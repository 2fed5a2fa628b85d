// The character classes of HTTP/1 (RFC 9110 section 5.6, RFC 9112 section 5) and the check of one field line. Never
// looks at what a field means.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace borehole::http {

constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_whitespace(char c) noexcept { return c == ' ' || c == '\t'; }

bool is_tchar(char c) noexcept;
bool is_field_octet(char c) noexcept;      // HTAB, SP, visible ASCII or obs-text
bool is_token(Bytes text) noexcept;        // at least one tchar, nothing else
bool is_target_text(Bytes text) noexcept;  // visible ASCII, nothing else
bool is_field_text(Bytes text) noexcept;   // HTAB, SP, visible ASCII and obs-text
bool is_all_digits(Bytes text) noexcept;   // at least one
// How many octets at the beginning are of that kind.
std::size_t token_size(Bytes text) noexcept;
std::size_t target_text_size(Bytes text) noexcept;
std::size_t field_text_size(Bytes text) noexcept;
Bytes trim_whitespace(Bytes text) noexcept;  // SP and HTAB at both ends

enum class LineFault : std::uint8_t {
  none,
  line_end,       // not ended by CRLF, or a CR or LF inside
  folded,         // begins with whitespace (obs-fold, RFC 9112 section 5.2)
  no_colon,       // no colon, or no name before it
  space_in_name,  // whitespace before the colon (RFC 9112 section 5.1)
  bad_name,       // an octet that no field name may hold
  control,        // NUL or another control character
};

// `line` with its line end.
LineFault check_field_line(Bytes line) noexcept;
// The same for all lines of `section`, which ends with an empty line (the fields of a head, or a trailer section).
// `line`: which line is at fault, from 1. An empty line before the end, or none at the end, is a `line_end` fault.
LineFault check_field_section(Bytes section, std::size_t& line) noexcept;

}  // namespace borehole::http
