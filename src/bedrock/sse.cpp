#include "bedrock/sse.h"

#include <algorithm>

#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

std::string SseError::text() const {
  return "event " + std::to_string(event) + " at octet " + std::to_string(offset) + ": larger than can be held";
}

SseDecoder::SseDecoder(std::size_t event_bytes, std::uint64_t offset) noexcept
    : event_bytes_(event_bytes), offset_(offset), begin_(offset), at_start_(offset == 0) {}

void SseDecoder::feed(Bytes octets) noexcept {
  if (error_) return;
  try {
    held_.erase(0, taken_);
    taken_ = 0;
    held_.append(octets);
  } catch (...) {  // out of memory
    fail();
  }
}

std::optional<SseEvent> SseDecoder::next() noexcept {
  try {
    std::string_view line;
    while (take_line(line)) {
      if (given_) {
        type_.clear();
        data_.clear();
        has_data_ = given_ = false;
      }
      if (!line.empty()) {
        take_field(line);
        if (data_.size() + type_.size() > event_bytes_) fail();
        continue;
      }
      const std::uint64_t begin = begin_;
      begin_ = offset_;
      given_ = true;
      if (!has_data_) continue;
      ++events_;
      return SseEvent{type_.empty() ? std::string_view("message") : type_, data_, id_, begin, offset_};
    }
  } catch (...) {  // out of memory
    fail();
  }
  return std::nullopt;
}

bool SseDecoder::cut() const noexcept {
  const bool partial_line = taken_ < held_.size();
  return !error_ && (partial_line || (!given_ && (has_data_ || !type_.empty())));
}

// A line without its end. An end that is CR is taken at once; the LF that may follow is skipped when it comes.
bool SseDecoder::take_line(std::string_view& line) noexcept {
  if (error_) return false;
  if (after_cr_ && taken_ < held_.size()) {
    after_cr_ = false;
    if (held_[taken_] == '\n') {
      ++taken_;
      ++offset_;
      if (given_) begin_ = offset_;
    }
  }
  std::string_view rest = std::string_view(held_).substr(taken_);
  if (at_start_) {
    const std::string_view front = rest.substr(0, kByteOrderMark.size());
    if (front.size() < kByteOrderMark.size() && kByteOrderMark.starts_with(front)) return false;
    at_start_ = false;
    if (front == kByteOrderMark) {
      taken_ += front.size();
      offset_ += front.size();
      rest.remove_prefix(front.size());
    }
  }
  const std::size_t end = rest.find_first_of("\r\n", scanned_);
  if (end == std::string_view::npos) {
    scanned_ = rest.size();
    if (scanned_ > event_bytes_) fail();
    return false;
  }
  scanned_ = 0;
  after_cr_ = rest[end] == '\r';
  line = rest.substr(0, end);
  taken_ += end + 1;
  offset_ += end + 1;
  return true;
}

void SseDecoder::take_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (name == "event") {
    type_ = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) id_ = value;
  } else if (name == "retry") {
    if (const auto milliseconds = parse_decimal(value)) retry_ = milliseconds;
  }
}

void SseDecoder::fail() noexcept {
  error_ = SseError{events_ + 1, begin_};
  for (std::string* text : {&held_, &type_, &data_}) std::string().swap(*text);
  taken_ = scanned_ = 0;
}

}  // namespace borehole::bedrock
