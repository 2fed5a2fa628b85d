#include "bedrock/event_stream.h"

#include <algorithm>
#include <new>

#include <simdjson.h>
#include <zlib.h>

namespace borehole::bedrock {

namespace {

// `octets` has at least sizeof(Unsigned) of them.
template <class Unsigned>
Unsigned big_endian(Bytes octets) noexcept {
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    value = static_cast<Unsigned>(static_cast<std::uint64_t>(value) << 8U | static_cast<unsigned char>(octets[i]));
  }
  return value;
}

// Two's complement of as many bits.
template <class Unsigned>
std::int64_t signed_of(Unsigned value) noexcept {
  constexpr auto unused = 64U - 8U * sizeof(Unsigned);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << unused) >> unused;
}

std::uint32_t checksum(Bytes octets) noexcept {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const unsigned char*>(octets.data()), octets.size()));
}

bool is_utf8(Bytes octets) noexcept { return simdjson::validate_utf8(octets.data(), octets.size()); }

struct Prelude {
  std::size_t total = 0;
  std::size_t headers = 0;
  bool checksum_right = false;
  explicit Prelude(Bytes octets) noexcept
      : total(big_endian<std::uint32_t>(octets)),
        headers(big_endian<std::uint32_t>(octets.substr(4))),
        checksum_right(checksum(octets.substr(0, 8)) == big_endian<std::uint32_t>(octets.substr(8))) {}
  bool fits(std::size_t message_bytes) const noexcept {
    return total >= EventStreamDecoder::overhead_bytes && total <= message_bytes &&
           headers <= EventStreamDecoder::max_header_bytes && headers <= total - EventStreamDecoder::overhead_bytes;
  }
};

// Takes from the front of a header block; `fine` turns false where it is too short.
class BlockReader {
 public:
  explicit BlockReader(Bytes block) noexcept : rest_(block) {}
  bool fine() const noexcept { return fine_; }
  bool empty() const noexcept { return rest_.empty(); }

  Bytes take(std::size_t size) noexcept {
    if (size > rest_.size()) {
      fine_ = false;
      return {};
    }
    const Bytes taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  template <class Unsigned>
  Unsigned number() noexcept {
    const Bytes octets = take(sizeof(Unsigned));
    return fine_ ? big_endian<Unsigned>(octets) : Unsigned{0};
  }

 private:
  Bytes rest_;
  bool fine_ = true;
};

// False where the type is unknown or the value is no UTF-8; a value that is cut, the reader tells.
bool read_value(BlockReader& block, std::uint8_t type, EventHeader& header) noexcept {
  header.type = static_cast<EventHeaderType>(type);
  switch (header.type) {
    case EventHeaderType::bool_true: header.number = 1; return true;
    case EventHeaderType::bool_false: return true;
    case EventHeaderType::int8: header.number = signed_of(block.number<std::uint8_t>()); return true;
    case EventHeaderType::int16: header.number = signed_of(block.number<std::uint16_t>()); return true;
    case EventHeaderType::int32: header.number = signed_of(block.number<std::uint32_t>()); return true;
    case EventHeaderType::int64:
    case EventHeaderType::timestamp: header.number = signed_of(block.number<std::uint64_t>()); return true;
    case EventHeaderType::byte_array: header.octets = block.take(block.number<std::uint16_t>()); return true;
    case EventHeaderType::string:
      header.octets = block.take(block.number<std::uint16_t>());
      return is_utf8(header.octets);
    case EventHeaderType::uuid: header.octets = block.take(16); return true;
  }
  return false;
}

std::string_view text_of(std::span<const EventHeader> headers, std::string_view name) noexcept {
  for (const EventHeader& header : headers) {
    if (header.name == name && header.type == EventHeaderType::string) return header.octets;
  }
  return {};
}

void classify(EventMessage& message) noexcept {
  message.content_type = text_of(message.headers, ":content-type");
  const std::string_view type = text_of(message.headers, ":message-type");
  if (type == "event") {
    message.kind = EventKind::event;
    message.name = text_of(message.headers, ":event-type");
  } else if (type == "exception") {
    message.kind = EventKind::exception;
    message.name = text_of(message.headers, ":exception-type");
  } else if (type == "error") {
    message.kind = EventKind::error;
    message.name = text_of(message.headers, ":error-code");
    message.error_message = text_of(message.headers, ":error-message");
  }
}

std::string_view fault_text(EventFault fault) noexcept {
  switch (fault) {
    case EventFault::bad_length: return "lengths that no message can have";
    case EventFault::prelude_checksum: return "wrong checksum of the prelude";
    case EventFault::message_checksum: return "wrong checksum of the message";
    case EventFault::bad_header: return "a header that cannot be read";
    case EventFault::cut: return "the stream ends inside the frame";
    case EventFault::no_memory: return "not enough memory";
  }
  return {};
}

}  // namespace

std::string EventStreamError::text() const {
  std::string out = "frame " + std::to_string(frame) + " at octet " + std::to_string(offset) + ": ";
  return out += fault_text(fault);
}

EventStreamDecoder::EventStreamDecoder(std::size_t message_bytes, std::uint64_t offset) noexcept
    : message_bytes_(std::min(message_bytes, hard_message_bytes)), offset_(offset) {}

void EventStreamDecoder::feed(Bytes octets) noexcept {
  if (error_) return;
  try {
    // What is moved here is the beginning of a message that came with the last portion: never octets moved before.
    held_.erase(0, taken_);
    taken_ = 0;
    held_.append(octets);
  } catch (...) {
    fail(EventFault::no_memory);
  }
}

std::optional<EventMessage> EventStreamDecoder::next() noexcept {
  if (error_) return std::nullopt;
  const Bytes rest = Bytes(held_).substr(taken_);
  if (rest.size() < prelude_bytes) return std::nullopt;
  const std::size_t total = big_endian<std::uint32_t>(rest);
  if (!prelude_checked_) {
    const Prelude prelude(rest);
    if (!prelude.checksum_right) return fail(EventFault::prelude_checksum);
    if (!prelude.fits(message_bytes_)) return fail(EventFault::bad_length);
    prelude_checked_ = true;
  }
  if (rest.size() < total) return std::nullopt;

  const Bytes whole = rest.substr(0, total);
  if (checksum(whole.substr(0, total - 4)) != big_endian<std::uint32_t>(whole.substr(total - 4))) {
    return fail(EventFault::message_checksum);
  }
  const std::size_t header_bytes = big_endian<std::uint32_t>(whole.substr(4));
  try {
    if (!read_headers(whole.substr(prelude_bytes, header_bytes))) return fail(EventFault::bad_header);
  } catch (...) {
    return fail(EventFault::no_memory);
  }
  EventMessage message;
  message.headers = headers_;
  message.payload = whole.substr(prelude_bytes + header_bytes, total - overhead_bytes - header_bytes);
  message.begin = offset_;
  message.end = offset_ + total;
  classify(message);
  taken_ += total;
  offset_ += total;
  ++messages_;
  prelude_checked_ = false;
  return message;
}

void EventStreamDecoder::finish() noexcept {
  if (!error_ && taken_ < held_.size()) fail(EventFault::cut);
}

std::nullopt_t EventStreamDecoder::fail(EventFault fault) noexcept {
  error_ = EventStreamError{fault, messages_ + 1, offset_};
  std::string().swap(held_);
  taken_ = 0;
  return std::nullopt;
}

bool EventStreamDecoder::read_headers(Bytes octets) {
  headers_.clear();
  BlockReader block(octets);
  while (!block.empty()) {
    EventHeader header;
    header.name = block.take(block.number<std::uint8_t>());
    const auto type = block.number<std::uint8_t>();
    if (!block.fine() || header.name.empty() || !is_utf8(header.name)) return false;
    if (!read_value(block, type, header) || !block.fine()) return false;
    const bool twice = std::any_of(headers_.begin(), headers_.end(),
                                   [&](const EventHeader& known) { return known.name == header.name; });
    if (twice || headers_.size() == max_headers) return false;
    headers_.push_back(header);
  }
  return true;
}

bool is_signed_frame(const EventMessage& message) noexcept {
  return message.kind == EventKind::other &&
         std::any_of(message.headers.begin(), message.headers.end(), [](const EventHeader& header) {
           return header.name == ":chunk-signature" && header.type == EventHeaderType::byte_array;
         });
}

std::optional<std::size_t> find_event_message(Bytes octets) noexcept {
  constexpr std::size_t checksum_bytes = 4;
  const auto begins = [octets](std::size_t at) {
    const Prelude prelude(octets.substr(at));
    return prelude.checksum_right && prelude.fits(EventStreamDecoder::hard_message_bytes) ? prelude.total : 0;
  };
  for (std::size_t at = 0; at + EventStreamDecoder::prelude_bytes <= octets.size(); ++at) {
    const std::size_t total = begins(at);
    if (total == 0) continue;
    // Behind a message that is inside another one stands that one's checksum.
    const std::size_t left = octets.size() - std::min(octets.size(), at + total);
    const bool inside = left >= checksum_bytes + EventStreamDecoder::prelude_bytes
                            ? begins(at + total) == 0 && begins(at + total + checksum_bytes) != 0
                            : left == checksum_bytes;
    if (!inside) return at;
  }
  return std::nullopt;
}

}  // namespace borehole::bedrock
