// Percent and base64 coding and other small readings of text; pure, never fails with more than nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace borehole::bedrock {

std::string lower_case(std::string_view text);

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool valid_utf8(std::string_view text) noexcept;

// Without leading and trailing spaces, tabs, CR and LF.
std::string_view trimmed(std::string_view text) noexcept;

// Decodes each `%XX` once; a `%` that two hexadecimal digits do not follow stays as it is. `+` stays `+`.
std::string percent_decode(std::string_view text);

// Appends `text` with every octet outside `A-Za-z0-9-._~` (and '/', where `keep_slash`) as `%XX` in upper case.
void append_percent_encoded(std::string& out, std::string_view text, bool keep_slash);

// RFC 4648 section 4 or 5 (both alphabets), padding optional. nullopt where any other octet occurs.
std::optional<std::string> base64_decode(std::string_view text);

// RFC 4648 section 4, padded.
std::string base64_encode(std::string_view octets);

// All of `text` as a decimal number without sign; nullopt where it is anything else or does not fit.
std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept;

// Takes the part before the first separator, and the separator, off `rest`; all of it where there is none.
inline std::string_view take_part(std::string_view& rest, char separator) noexcept {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

// The parts between separators, empty ones included; an empty text gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace borehole::bedrock
