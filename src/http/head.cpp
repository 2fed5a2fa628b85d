#include "http/head.h"

#include <algorithm>

#include "http/syntax.h"

namespace borehole::http {

bool same_name(Bytes a, Bytes b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return to_lower(x) == to_lower(y); });
}

bool list_has_token(Bytes list, Bytes token) noexcept {
  while (true) {
    const std::size_t comma = list.find(',');
    if (same_name(trim_whitespace(list.substr(0, comma)), token)) return true;
    if (comma == Bytes::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

std::optional<Bytes> MessageHead::find(Bytes wanted) const noexcept {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (same_name(name(i), wanted)) return value(i);
  }
  return std::nullopt;
}

std::size_t MessageHead::count(Bytes wanted) const noexcept {
  std::size_t n = 0;
  for (std::size_t i = 0; i < fields_.size(); ++i) n += same_name(name(i), wanted) ? 1 : 0;
  return n;
}

bool MessageHead::has_token(Bytes wanted, Bytes token) const noexcept {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (same_name(name(i), wanted) && list_has_token(value(i), token)) return true;
  }
  return false;
}

}  // namespace borehole::http
