#include "web/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "calls/utf8.h"

namespace borehole::web {

namespace {

Unexpected<Error> bad(std::string sentence) {
  return unexpected(Error{ErrorCode::malformed_request, Fault::client, std::move(sentence)});
}

std::optional<unsigned> hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

Result<std::string> decode(Bytes text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const auto high = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
      if (!high || !low)
        return bad("A % in the query must be followed by two hexadecimal digits; write %25 for itself.");
      out += static_cast<char>((*high << 4U) | *low);
      i += 2;
    }
  }
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(out.begin(), out.end(), control)) return bad("The query holds a control character; leave it out.");
  if (!calls::is_utf8(out)) return bad("The query is not UTF-8; encode it so.");
  return out;
}

}  // namespace

Result<Parameters> parse_query(Bytes text) {
  Parameters out;
  while (!text.empty()) {
    const auto end = text.find('&');
    const Bytes part = text.substr(0, end);
    text = end == Bytes::npos ? Bytes() : text.substr(end + 1);
    if (part.empty()) continue;  // `a=1&`
    const auto equals = part.find('=');
    auto name = decode(part.substr(0, equals));
    if (!name) return unexpected(std::move(name).error());
    auto value = decode(equals == Bytes::npos ? Bytes() : part.substr(equals + 1));
    if (!value) return unexpected(std::move(value).error());
    if (name->empty()) return bad("A parameter of the query has no name; write name=value.");
    if (std::any_of(out.begin(), out.end(), [&](const auto& had) { return had.first == *name; }))
      return bad(fmt::format("The parameter {} is given twice; give it once.", *name));
    out.emplace_back(*std::move(name), *std::move(value));
  }
  return out;
}

Bytes query_of(Bytes target) {
  const auto mark = target.find('?');
  return mark == Bytes::npos ? Bytes() : target.substr(mark + 1);
}

}  // namespace borehole::web
