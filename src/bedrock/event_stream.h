// Decodes application/vnd.amazon.eventstream (Smithy, "Amazon Event Stream specification") from octets that come in any
// portions. Never passes on a message whose checksums or headers are wrong, never throws, never waits for more than one
// message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace borehole::bedrock {

enum class EventHeaderType : std::uint8_t {  // the numbers of the wire
  bool_true = 0,
  bool_false = 1,
  int8 = 2,
  int16 = 3,
  int32 = 4,
  int64 = 5,
  byte_array = 6,
  string = 7,
  timestamp = 8,  // milliseconds since 1970
  uuid = 9,       // 16 octets
};

struct EventHeader {
  std::string_view name;
  EventHeaderType type = EventHeaderType::bool_true;
  std::int64_t number = 0;  // bools (1 or 0), integers, timestamps
  Bytes octets;             // byte arrays, strings, UUIDs
};

enum class EventKind : std::uint8_t {
  event,      // `name` is the member of the union, as `contentBlockDelta`
  exception,  // a modelled error: `name` is the member of the union, as `throttlingException`
  error,      // an error that is not modelled: `name` is its code, `error_message` its text
  other,      // no `:message-type` that is known
};

// Views are valid until the next call of the decoder that gave it.
struct EventMessage {
  EventKind kind = EventKind::other;
  std::string_view name;
  std::string_view error_message;
  std::string_view content_type;
  std::span<const EventHeader> headers;
  Bytes payload;
  std::uint64_t begin = 0, end = 0;  // offsets in the stream
};

enum class EventFault : std::uint8_t {
  bad_length,        // smaller than a message can be, larger than the limits, or headers that do not fit
  prelude_checksum,  // CRC-32 of the first eight octets
  message_checksum,  // CRC-32 of all but the last four
  bad_header,        // cut, unknown type, no UTF-8, a name twice
  cut,               // the stream ended inside a message
  no_memory,
};

// "frame 3 at octet 512: wrong checksum of the message"
struct EventStreamError {
  EventFault fault = EventFault::cut;
  std::uint64_t frame = 0;   // counted from 1
  std::uint64_t offset = 0;  // where that frame begins
  std::string text() const;
  bool checksum() const noexcept {
    return fault == EventFault::prelude_checksum || fault == EventFault::message_checksum;
  }
};

// Feed, then take messages until there is none; a message whose octets are whole is there at once. The first error ends
// decoding. Holds what was fed and not taken: at most one message and one portion.
class EventStreamDecoder {
 public:
  static constexpr std::size_t prelude_bytes = 12;
  static constexpr std::size_t overhead_bytes = 16;                         // prelude and the last checksum
  static constexpr std::size_t max_header_bytes = std::size_t{128} << 10;   // AWS's limit
  static constexpr std::size_t max_headers = 1024;                          // as aws-c-event-stream
  static constexpr std::size_t max_message_bytes = std::size_t{16} << 20;   // AWS's limit
  static constexpr std::size_t hard_message_bytes = std::size_t{24} << 20;  // no decoder may be given more

  // Messages above `message_bytes` are an error. `offset`: where in a larger stream the first fed octet stands.
  explicit EventStreamDecoder(std::size_t message_bytes = max_message_bytes, std::uint64_t offset = 0) noexcept;

  void feed(Bytes octets) noexcept;
  std::optional<EventMessage> next() noexcept;
  // No more will be fed: what is left is a message that was cut. Call it when next() has given all.
  void finish() noexcept;

  const std::optional<EventStreamError>& error() const noexcept { return error_; }
  std::uint64_t messages() const noexcept { return messages_; }  // given by next()

 private:
  std::nullopt_t fail(EventFault fault) noexcept;
  bool read_headers(Bytes block);

  std::size_t message_bytes_;
  std::string held_;
  std::size_t taken_ = 0;  // octets at the front of held_ that were given already
  std::uint64_t offset_;   // of held_[taken_] in the stream
  std::uint64_t messages_ = 0;
  bool prelude_checked_ = false;
  std::vector<EventHeader> headers_;
  std::optional<EventStreamError> error_;
};

// Whether it is the frame in which a client signs an event (`:chunk-signature`): the payload is then a whole message of
// its own, or nothing where the stream ends. Signatures are not checked: there is no key to do it with.
bool is_signed_frame(const EventMessage& message) noexcept;

// Where in `octets` the first message begins whose prelude is right, and so is what follows it: for a stream whose
// beginning is missing. (Inside a signed frame stands another message.)
std::optional<std::size_t> find_event_message(Bytes octets) noexcept;

}  // namespace borehole::bedrock
