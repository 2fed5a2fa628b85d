#include "http/head_indexer.h"

#include <algorithm>
#include <utility>

#include "http/syntax.h"

namespace borehole::http {

namespace {

std::uint32_t u32(std::size_t n) noexcept { return static_cast<std::uint32_t>(n); }

// Where the content of a line ends whose LF is at `lf`.
std::size_t content_end(Bytes raw, std::size_t begin, std::size_t lf) noexcept {
  return lf > begin && raw[lf - 1] == '\r' ? lf - 1 : lf;
}

}  // namespace

Bytes HeadIndexer::index_fields(MessageHead& head) {
  const Bytes raw = head.raw_;
  head.fields_.clear();
  const std::size_t start_lf = std::min(raw.find('\n'), raw.size());
  std::size_t at = std::min(start_lf + 1, raw.size());
  while (at < raw.size()) {
    const std::size_t lf = std::min(raw.find('\n', at), raw.size());
    const std::size_t end = content_end(raw, at, lf);
    if (end == at) break;  // the empty line
    const Bytes line = raw.substr(at, end - at);
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::size_t value = at + std::min(colon + 1, line.size());
    while (value < end && is_whitespace(raw[value])) ++value;
    std::size_t value_end = end;
    while (value_end > value && is_whitespace(raw[value_end - 1])) --value_end;
    const std::size_t next = std::min(lf + 1, raw.size());
    head.fields_.push_back({u32(at), u32(next), u32(at), u32(colon), u32(value), u32(value_end - value)});
    at = next;
  }
  return raw.substr(0, content_end(raw, 0, start_lf));
}

void HeadIndexer::index(RequestHead& head) {
  const Bytes line = index_fields(head);
  const std::size_t first = std::min(line.find(' '), line.size());
  const std::size_t last = line.rfind(' ');
  const std::size_t target = std::min(first + 1, line.size());
  const std::size_t target_end = last == Bytes::npos || last < target ? line.size() : last;
  head.method_size_ = u32(first);
  head.target_begin_ = u32(target);
  head.target_size_ = u32(target_end - target);
  head.minor_version_ = !line.empty() && line.back() == '0' ? 0 : 1;
}

void HeadIndexer::index(ResponseHead& head) {
  const Bytes line = index_fields(head);
  const Bytes version = line.substr(0, std::min(line.find(' '), line.size()));
  head.minor_version_ = !version.empty() && version.back() == '0' ? 0 : 1;
  head.status_ = 0;
  const std::size_t begin = std::min(version.size() + 1, line.size());
  for (const char c : line.substr(begin, 3)) {
    if (!is_digit(c)) break;
    head.status_ = head.status_ * 10 + (c - '0');
  }
}

RequestHead HeadIndexer::request(std::string raw) {
  RequestHead head;
  head.raw_ = std::move(raw);
  index(head);
  return head;
}

ResponseHead HeadIndexer::response(std::string raw) {
  ResponseHead head;
  head.raw_ = std::move(raw);
  index(head);
  return head;
}

}  // namespace borehole::http
