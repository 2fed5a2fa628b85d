#include "calls/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "bedrock/text.h"

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

// Sixteen octets that the compiler handles at once (SSE2, NEON).
using Lane = unsigned char __attribute__((vector_size(16)));
constexpr std::size_t lane_size = sizeof(Lane);

// The first octet that is set in what comparing lanes gave; `lane_size`: none is.
template <class Found>
std::size_t first_of(Found found) noexcept {
#ifdef __SSE2__
  const auto bits = static_cast<unsigned>(_mm_movemask_epi8(reinterpret_cast<__m128i>(found)));
  return static_cast<std::size_t>(std::countr_zero(bits | 1U << lane_size));
#else
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), &found, sizeof halves);
  if ((halves[0] | halves[1]) == 0) return lane_size;
  const std::size_t half = halves[0] != 0 ? 0 : 1;
  const int bits =
      std::endian::native == std::endian::little ? std::countr_zero(halves[half]) : std::countl_zero(halves[half]);
  return half * 8 + static_cast<std::size_t>(bits) / 8;
#endif
}

// Which octets of the lane JSON text here cannot hold as they are: controls, DEL, quote, backslash, and C2, which the
// second range of controls begins with.
auto special(Lane lane) noexcept {
  return (lane < 0x20) | (lane == '"') | (lane == '\\') | (lane == 0x7F) | (lane == 0xC2);
}

template <class Word>
std::uint64_t read_word(const char* text) noexcept {
  Word word = 0;
  std::memcpy(&word, text, sizeof word);
  return word;
}

// The first `size` octets, at most a lane; plain behind them. Where the machine begins numbers with their least octet,
// by two reads that may overlap, of sizes that the compiler knows.
Lane read_lane(const char* text, std::size_t size) noexcept {
  Lane lane;
  if (size == lane_size || std::endian::native != std::endian::little) {
    std::memset(&lane, ' ', sizeof lane);
    std::memcpy(&lane, text, size);
    return lane;
  }
  constexpr std::uint64_t plain = 0x2020202020202020U;
  std::array<std::uint64_t, 2> halves{0, plain};
  const std::size_t most = std::min<std::size_t>(size, 8);
  if (most == 8) {
    halves[0] = read_word<std::uint64_t>(text);
  } else if (most >= 4) {
    halves[0] = read_word<std::uint32_t>(text) | read_word<std::uint32_t>(text + most - 4) << (8 * (most - 4));
  } else if (most >= 2) {
    halves[0] = read_word<std::uint16_t>(text) | read_word<std::uint16_t>(text + most - 2) << (8 * (most - 2));
  } else {
    halves[0] = read_word<std::uint8_t>(text);
  }
  if (most < 8) halves[0] |= plain << (8 * most);
  if (size > 8) halves[1] = read_word<std::uint64_t>(text + size - 8) >> (8 * (16 - size)) | plain << (8 * (size - 8));
  std::memcpy(&lane, halves.data(), sizeof lane);
  return lane;
}

// Copies a few lanes at a time, as long as there is nothing special in them.
std::size_t copy_plain(char* to, std::string_view text, std::size_t room) noexcept {
  constexpr std::size_t lanes = 4;
  std::size_t done = 0;
  const std::size_t most = std::min(text.size(), room);
  while (done + lanes * lane_size <= most) {
    std::array<Lane, lanes> read;  // NOLINT: written before it is read
    std::memcpy(read.data(), text.data() + done, sizeof read);
    if (first_of(special(read[0]) | special(read[1]) | special(read[2]) | special(read[3])) != lane_size) break;
    std::memcpy(to + done, read.data(), sizeof read);
    done += sizeof read;
  }
  return done;
}

// Of a control, quote, backslash or DEL; gives where it ends.
char* write_escaped(char* to, char c) noexcept {
  const auto pair = [to](char letter) {
    to[0] = '\\';
    to[1] = letter;
    return to + 2;
  };
  switch (c) {
    case '"':
    case '\\': return pair(c);
    case '\n': return pair('n');
    case '\r': return pair('r');
    case '\t': return pair('t');
    default: break;
  }
  static constexpr char digits[] = "0123456789abcdef";
  std::copy_n("\\u00", 4, to);
  to[4] = digits[octet(c) >> 4U];
  to[5] = digits[octet(c) & 15U];
  return to + 6;
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

void append_json_text(std::string& out, std::string_view text) {
  std::array<char, 1024> piece;  // NOLINT: written before it is read
  char* to = piece.data();
  *to++ = '"';
  bool calm = text.size() > lane_size;  // the last lane was plain, so that the next ones may be
  while (!text.empty()) {
    if (to > piece.data() + piece.size() - 2 * lane_size) {
      out.append(piece.data(), to);
      to = piece.data();
    }
    if (calm) {
      const std::size_t copied =
          copy_plain(to, text, static_cast<std::size_t>(piece.data() + piece.size() - to) - 2 * lane_size);
      to += copied;
      text.remove_prefix(copied);
      calm = false;
      continue;
    }
    const std::size_t size = std::min(text.size(), lane_size);
    const Lane lane = read_lane(text.data(), size);
    std::memcpy(to, &lane, lane_size);
    const std::size_t plain = std::min(first_of(special(lane)), size);
    to += plain;
    text.remove_prefix(plain);
    calm = plain == lane_size;
    if (plain == size) continue;
    if (octet(text[0]) != 0xC2U) {
      to = write_escaped(to, text[0]);
      text.remove_prefix(1);
    } else if (second_control_range(text.substr(0, 2))) {
      to = write_escaped(to, text[1]);
      text.remove_prefix(2);
    } else {
      *to++ = text[0];
      text.remove_prefix(1);
    }
  }
  *to++ = '"';
  out.append(piece.data(), to);
}

void append_json_string(std::string& out, std::string_view text) {
  if (is_utf8(text)) return append_json_text(out, text);
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    valid.append(character.valid ? text.substr(0, character.size) : std::string_view("\xEF\xBF\xBD"));
    text.remove_prefix(character.size);
  }
  append_json_text(out, valid);
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
