#include "http/syntax.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/octet_lanes.h"

namespace borehole::http {

namespace {

constexpr std::uint8_t tchar = 1;
constexpr std::uint8_t visible = 2;
constexpr std::uint8_t field_text = 4;

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (std::size_t c = 0; c < 256; ++c) {
    std::uint8_t bits = 0;
    if (c > 0x20 && c < 0x7f) bits |= visible;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) bits |= field_text;
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alnum || (c < 0x80 && c != 0 && Bytes("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != Bytes::npos)) {
      bits |= tchar;
    }
    classes[c] = bits;
  }
  return classes;
}

constexpr auto classes = make_classes();

bool is(char c, std::uint8_t bit) noexcept { return (classes[static_cast<std::uint8_t>(c)] & bit) != 0; }

// How many octets at the beginning of the text are of the class; `odd` finds the others in a lane, and may find some of
// the class besides.
template <class Odd>
std::size_t size_of(Bytes text, std::uint8_t bit, Odd odd) noexcept {
  std::size_t done = 0;
  while (text.size() - done >= lane_size) {
    Lane lane;
    std::memcpy(&lane, text.data() + done, sizeof lane);
    const std::size_t plain = first_of(odd(lane));
    done += plain;
    if (plain == lane_size) continue;
    if (!is(text[done], bit)) return done;
    ++done;
  }
  while (done < text.size() && is(text[done], bit)) ++done;
  return done;
}

}  // namespace

bool is_tchar(char c) noexcept { return is(c, tchar); }
bool is_field_octet(char c) noexcept { return is(c, field_text); }

std::size_t token_size(Bytes text) noexcept {
  return size_of(text, tchar, [](Lane lane) {
    const Lane lower = lane | 0x20;
    return ((lower < 'a') | (lower > 'z')) & ((lane < '0') | (lane > '9')) & (lane != '-');
  });
}
std::size_t target_text_size(Bytes text) noexcept {
  return size_of(text, visible, [](Lane lane) { return (lane <= 0x20) | (lane >= 0x7f); });
}
std::size_t field_text_size(Bytes text) noexcept {
  return size_of(text, field_text, [](Lane lane) { return ((lane < 0x20) & (lane != '\t')) | (lane == 0x7f); });
}

bool is_token(Bytes text) noexcept { return !text.empty() && token_size(text) == text.size(); }
bool is_target_text(Bytes text) noexcept { return target_text_size(text) == text.size(); }
bool is_field_text(Bytes text) noexcept { return field_text_size(text) == text.size(); }
bool is_all_digits(Bytes text) noexcept { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

Bytes trim_whitespace(Bytes text) noexcept {
  while (!text.empty() && is_whitespace(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_whitespace(text.back())) text.remove_suffix(1);
  return text;
}

LineFault check_field_line(Bytes line) noexcept {
  if (line.size() < 2 || line.substr(line.size() - 2) != "\r\n") return LineFault::line_end;
  line.remove_suffix(2);
  if (!is_field_text(line)) {
    return line.find_first_of("\r\n") != Bytes::npos ? LineFault::line_end : LineFault::control;
  }
  if (line.empty()) return LineFault::line_end;
  if (is_whitespace(line.front())) return LineFault::folded;
  const std::size_t colon = line.find(':');
  if (colon == Bytes::npos || colon == 0) return LineFault::no_colon;
  const Bytes name = line.substr(0, colon);
  if (is_token(name)) return LineFault::none;
  return is_whitespace(name.back()) ? LineFault::space_in_name : LineFault::bad_name;
}

LineFault check_field_section(Bytes section, std::size_t& line) noexcept {
  line = 0;
  while (true) {
    ++line;
    if (section == "\r\n") return LineFault::none;
    const std::size_t lf = section.find('\n');
    if (lf == Bytes::npos) return LineFault::line_end;
    if (const LineFault fault = check_field_line(section.substr(0, lf + 1)); fault != LineFault::none) return fault;
    section.remove_prefix(lf + 1);
  }
}

}  // namespace borehole::http
