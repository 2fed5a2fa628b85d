#include "http/plain_head.h"

#include <algorithm>
#include <array>

#include "http/syntax.h"
#include "http/validate_head.h"

namespace borehole::http {

namespace {

constexpr std::array<Bytes, 6> methods{"POST", "GET", "PUT", "DELETE", "PATCH", "HEAD"};
constexpr Bytes version = "HTTP/1.1";
constexpr Bytes crlf = "\r\n";

std::uint32_t u32(std::size_t n) noexcept { return static_cast<std::uint32_t>(n); }

// Whether the field says nothing of what follows the head, or says it in the way that all readers know. `value`: with
// the whitespace behind it, since llhttp takes no tab behind a number.
bool is_usual(Bytes name, Bytes value) noexcept {
  switch (name.size()) {
    case 7: return !same_name(name, "upgrade");
    case 10: return !same_name(name, "connection") || same_name(value, "keep-alive") || same_name(value, "close");
    case 14: return !same_name(name, "content-length") || is_all_digits(value);
    case 16: return !same_name(name, "proxy-connection");
    case 17: return !same_name(name, "transfer-encoding");
    default: return true;
  }
}

}  // namespace

// `at`: behind the start line; then behind the empty line.
bool PlainHead::read_fields(MessageHead& head, Bytes bytes, std::size_t& at, const Limits& limits) {
  for (;;) {
    const Bytes rest = bytes.substr(at);
    const std::size_t name_size = token_size(rest);
    if (name_size == 0) {
      if (!rest.starts_with(crlf)) return false;
      at += crlf.size();
      return true;
    }
    if (name_size == rest.size() || rest[name_size] != ':') return false;
    std::size_t value = name_size + 1;
    while (value < rest.size() && is_whitespace(rest[value])) ++value;
    std::size_t value_end = value + field_text_size(rest.substr(value));
    if (rest.substr(value_end, crlf.size()) != crlf) return false;
    if (!is_usual(rest.substr(0, name_size), rest.substr(value, value_end - value))) return false;
    const std::size_t line_size = value_end + crlf.size();
    while (value_end > value && is_whitespace(rest[value_end - 1])) --value_end;
    if (head.fields_.size() == limits.fields || at + line_size > limits.octets) return false;
    if (name_size + (value_end - value) > limits.line) return false;
    head.fields_.push_back(
        {u32(at), u32(at + line_size), u32(at), u32(name_size), u32(at + value), u32(value_end - value)});
    at += line_size;
  }
}

bool PlainHead::read_request(RequestHead& head, Bytes bytes, std::size_t& size, const Limits& limits) {
  const std::size_t blank = std::min(token_size(bytes), bytes.size());
  const Bytes method = bytes.substr(0, blank);
  if (std::find(methods.begin(), methods.end(), method) == methods.end()) return false;
  const std::size_t target = blank + 1;
  if (bytes.substr(blank, 2) != " /") return false;
  const std::size_t target_size = target_text_size(bytes.substr(target));
  if (target_size > limits.target) return false;
  const Bytes behind = bytes.substr(target + target_size);
  if (!behind.starts_with(' ') || behind.substr(1, version.size()) != version ||
      behind.substr(1 + version.size(), crlf.size()) != crlf) {
    return false;
  }
  if (bytes.substr(target, target_size).find('#') != Bytes::npos) return false;
  size = target + target_size + 1 + version.size() + crlf.size();
  if (!read_fields(head, bytes, size, limits) || size > limits.octets) return false;
  head.raw_.assign(bytes.substr(0, size));
  head.method_size_ = u32(blank);
  head.target_begin_ = u32(target);
  head.target_size_ = u32(target_size);
  head.minor_version_ = 1;
  return validate_request_fields(head).has_value();
}

bool PlainHead::read_response(ResponseHead& head, Bytes bytes, std::size_t& size, const Limits& limits) {
  constexpr std::size_t status = version.size() + 1;
  const std::size_t line_size = field_text_size(bytes);
  const Bytes line = bytes.substr(0, line_size);
  if (line.size() < status + 3 || !line.starts_with(version) || line[status - 1] != ' ' ||
      (line.size() > status + 3 && line[status + 3] != ' ') || !is_all_digits(line.substr(status, 3)) ||
      line[status] == '0' || bytes.substr(line_size, crlf.size()) != crlf) {
    return false;
  }
  size = line_size + crlf.size();
  if (!read_fields(head, bytes, size, limits) || size > limits.octets) return false;
  head.raw_.assign(bytes.substr(0, size));
  head.status_ = (line[status] - '0') * 100 + (line[status + 1] - '0') * 10 + (line[status + 2] - '0');
  head.minor_version_ = 1;
  return validate_response_fields(head).has_value();
}

template <class Head>
std::size_t PlainHead::finish(Head& head, bool plain, std::size_t size) {
  if (plain) return size;
  head.raw_.clear();
  head.fields_.clear();
  return 0;
}

std::size_t PlainHead::read(RequestHead& head, Bytes bytes, const Limits& limits) {
  std::size_t size = 0;
  head.fields_.clear();
  const bool plain = read_request(head, bytes, size, limits);
  return finish(head, plain, size);
}

std::size_t PlainHead::read(ResponseHead& head, Bytes bytes, const Limits& limits) {
  std::size_t size = 0;
  head.fields_.clear();
  const bool plain = read_response(head, bytes, size, limits);
  return finish(head, plain, size);
}

}  // namespace borehole::http
