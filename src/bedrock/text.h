// Percent and base64 coding and other small readings of text; pure, never fails with more than nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace borehole::bedrock {

std::string lower_case(std::string_view text);

// Without leading and trailing spaces, tabs, CR and LF.
std::string_view trimmed(std::string_view text) noexcept;

// Decodes each `%XX` once; a `%` that two hexadecimal digits do not follow stays as it is. `+` stays `+`.
std::string percent_decode(std::string_view text);

// Appends `text` with every octet outside `A-Za-z0-9-._~` (and '/', where `keep_slash`) as `%XX` in upper case.
void append_percent_encoded(std::string& out, std::string_view text, bool keep_slash);

// RFC 4648 section 4 or 5 (both alphabets), padding optional. nullopt where any other octet occurs.
std::optional<std::string> base64_decode(std::string_view text);

// All of `text` as a decimal number without sign; nullopt where it is anything else or does not fit.
std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept;

// The parts between separators, empty ones included; an empty text gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace borehole::bedrock
