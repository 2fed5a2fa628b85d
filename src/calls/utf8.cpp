#include "calls/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "bedrock/text.h"
#include "calls/json_text.h"

namespace borehole::calls {

namespace {

unsigned octet(char c) noexcept { return static_cast<unsigned char>(c); }

bool continuation(char c) noexcept { return (octet(c) & 0xC0U) == 0x80U; }

// Octets of the character that `lead` begins; 0: it begins none.
std::size_t length_by(char lead) noexcept {
  const unsigned c = octet(lead);
  if (c < 0x80U) return 1;
  if (c >= 0xC2U && c <= 0xDFU) return 2;
  if (c >= 0xE0U && c <= 0xEFU) return 3;
  if (c >= 0xF0U && c <= 0xF4U) return 4;
  return 0;
}

// The bounds of the second octet keep out overlong forms, surrogates and what is above U+10FFFF (RFC 3629 section 4).
bool second_fits(char lead, char second) noexcept {
  const unsigned s = octet(second);
  switch (octet(lead)) {
    case 0xE0U: return s >= 0xA0U && s <= 0xBFU;
    case 0xEDU: return s >= 0x80U && s <= 0x9FU;
    case 0xF0U: return s >= 0x90U && s <= 0xBFU;
    case 0xF4U: return s >= 0x80U && s <= 0x8FU;
    default: return continuation(second);
  }
}

struct Character {
  std::size_t size = 0;  // at least 1; of an invalid one: what belongs together (Unicode 3.9, maximal subpart)
  bool valid = false;
  bool partial = false;  // valid as far as it goes, but the text ends
};

Character first_character(std::string_view text) noexcept {
  const std::size_t length = length_by(text[0]);
  if (length == 0) return {.size = 1};
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {.size = i, .partial = true};
    if (!(i == 1 ? second_fits(text[0], text[1]) : continuation(text[i]))) return {.size = i};
  }
  return {.size = length, .valid = true};
}

bool second_control_range(std::string_view character) noexcept {
  return character.size() == 2 && octet(character[0]) == 0xC2U && octet(character[1]) < 0xA0U;
}

// Zero-width spaces, marks and overrides of direction, invisible operators, tags, byte order marks (Unicode: Cf): a
// terminal shows none of them, and some make it show a line in another order. 0: none of these. The joiner of emoji
// (U+200D) is no such character.
std::uint32_t unseen(std::string_view character) noexcept {
  if (character.size() < 2) return 0;
  std::uint32_t c = octet(character[0]) & (0xFFU >> (character.size() + 1));
  for (const char more : character.substr(1)) c = c << 6U | (octet(more) & 0x3FU);
  const auto within = [c](std::uint32_t first, std::uint32_t last) { return c >= first && c <= last; };
  const bool found = within(0x200B, 0x200C) || within(0x200E, 0x200F) || within(0x2028, 0x202E) ||
                     within(0x2060, 0x206F) || c == 0x061C || c == 0xFEFF || within(0xFFF9, 0xFFFB) ||
                     within(0xE0000, 0xE007F);
  return found ? c : 0;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept { return bedrock::valid_utf8(text); }

std::string_view without_partial_utf8(std::string_view text) noexcept {
  for (std::size_t n = 1; n <= 3 && n <= text.size(); ++n) {
    const std::string_view tail = text.substr(text.size() - n);
    if (continuation(tail[0])) continue;
    return first_character(tail).partial ? text.substr(0, text.size() - n) : text;
  }
  return text;
}

std::string with_replacements(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    valid.append(character.valid ? text.substr(0, character.size) : std::string_view("\xEF\xBF\xBD"));
    text.remove_prefix(character.size);
  }
  return valid;
}

void append_json_string(std::string& out, std::string_view text) {
  JsonText json(out);
  json.string(text);
  json.finish();
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string for_terminal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto plain = std::find_if_not(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    out.append(text.begin(), plain);
    text.remove_prefix(static_cast<std::size_t>(plain - text.begin()));
    if (text.empty()) break;
    const Character character = first_character(text);
    const std::string_view octets = text.substr(0, character.size);
    const bool control = octets.size() == 1 && (octet(octets[0]) < 0x20U || octet(octets[0]) == 0x7FU);
    if (const std::uint32_t hidden = character.valid ? unseen(octets) : 0; hidden != 0) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", hidden);
    } else if (character.valid && !control && !second_control_range(octets)) {
      out.append(octets);
    } else {
      for (const char c : octets) fmt::format_to(std::back_inserter(out), "\\x{:02x}", octet(c));
    }
    text.remove_prefix(character.size);
  }
  return out;
}

}  // namespace borehole::calls
