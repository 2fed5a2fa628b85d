// Decodes text/event-stream (WHATWG HTML, section 9.2) from octets that come in any portions. Never throws, never holds
// more than its limit of one event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace borehole::bedrock {

// Views are valid until the next call of the decoder that gave it. Octets that are no UTF-8 stay as they came.
struct SseEvent {
  std::string_view type;             // "message" where the stream names none
  std::string_view data;             // lines joined with LF
  std::string_view id;               // the last one told, also by an earlier event
  std::uint64_t begin = 0, end = 0;  // offsets in the stream, the empty line included
};

// "event 3 at octet 512: larger than 16777216 octets"
struct SseError {
  std::uint64_t event = 0;   // counted from 1
  std::uint64_t offset = 0;  // where it begins
  std::string text() const;
};

// Feed, then take events until there is none. An event that no empty line ends is none. The first error ends decoding.
class SseDecoder {
 public:
  static constexpr std::size_t max_event_bytes = std::size_t{16} << 20;

  // Events, and lines of any kind, above `event_bytes` are an error. `offset`: where in a larger stream the first fed
  // octet stands; elsewhere than at its beginning no byte order mark is looked for.
  explicit SseDecoder(std::size_t event_bytes = max_event_bytes, std::uint64_t offset = 0) noexcept;

  void feed(Bytes octets) noexcept;
  std::optional<SseEvent> next() noexcept;
  // No more will be fed: true where an event was left without its end. Call it when next() has given all.
  bool cut() const noexcept;

  const std::optional<SseError>& error() const noexcept { return error_; }
  std::optional<std::uint64_t> retry() const noexcept { return retry_; }  // milliseconds, as last told
  std::uint64_t events() const noexcept { return events_; }               // given by next()

 private:
  bool take_line(std::string_view& line) noexcept;
  void take_field(std::string_view line);
  void fail() noexcept;

  std::size_t event_bytes_;
  std::string held_;
  std::size_t taken_ = 0;    // octets at the front of held_ that were read
  std::size_t scanned_ = 0;  // octets from there on that hold no end of a line
  std::uint64_t offset_;     // of held_[taken_] in the stream
  std::uint64_t begin_;      // of the event under way
  std::uint64_t events_ = 0;
  bool at_start_;          // a byte order mark may come
  bool after_cr_ = false;  // a LF that comes now belongs to the line before
  bool given_ = false;     // what type_ and data_ hold was given; the next line begins a new event
  bool has_data_ = false;
  std::string type_, data_, id_;
  std::optional<std::uint64_t> retry_;
  std::optional<SseError> error_;
};

}  // namespace borehole::bedrock
