#include "config/basic_credentials.h"

#include <string.h>

#include <algorithm>
#include <cstdint>

namespace borehole::config {
namespace {

constexpr std::string_view scheme = "basic ";

// 0 to 63, or -1.
int sextet(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

bool equal_ignoring_case(std::string_view text, std::string_view lower) noexcept {
  return std::ranges::equal(text, lower, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
}

}  // namespace

std::optional<std::size_t> decode_base64(std::string_view text, char* out, std::size_t capacity) noexcept {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::size_t size = text.size() / 4 * 3 - padding;
  if (size > capacity) return std::nullopt;
  text.remove_suffix(padding);
  std::uint32_t bits = 0;
  unsigned held = 0;
  std::size_t written = 0;
  for (const char c : text) {
    const int six = sextet(c);
    if (six < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(six);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out[written++] = static_cast<char>(bits >> held & 0xff);
  }
  if ((bits & ((1U << held) - 1)) != 0) return std::nullopt;
  return size;
}

BasicCredentials::BasicCredentials(std::string_view value) noexcept {
  if (!equal_ignoring_case(value.substr(0, scheme.size()), scheme)) return;
  value.remove_prefix(scheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  const auto size = decode_base64(value, octets_.data(), longest);
  if (!size) return;
  octets_[*size] = '\0';  // a refused decode may have left octets behind
  const std::string_view decoded(octets_.data(), *size);
  colon_ = decoded.find(':');
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (colon_ == decoded.npos || colon_ == 0 || std::ranges::any_of(decoded, is_control)) return;
  size_ = *size;
}

BasicCredentials::~BasicCredentials() { explicit_bzero(octets_.data(), octets_.size()); }

}  // namespace borehole::config
