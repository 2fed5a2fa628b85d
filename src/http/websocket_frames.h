// Counts the frames of one direction of a WebSocket (RFC 6455 section 5.2) by their headers, from octets in any
// portions. Never holds octets, never looks into a payload but for a close's code, never judges what is sent.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace borehole::http {

struct WebSocketCounts {
  // By opcode; of a message in several frames the first is `text` or `binary`, the others `continuation`.
  std::uint64_t text = 0, binary = 0, continuation = 0, close = 0, ping = 0, pong = 0;
  std::uint64_t other = 0;  // reserved opcodes
  std::uint64_t payload_bytes = 0;
  std::optional<std::uint16_t> close_code;     // of the first close that has one
  std::optional<std::uint64_t> unreadable_at;  // the octet from which on it is no WebSocket; nothing is counted there

  std::uint64_t frames() const noexcept { return text + binary + continuation + close + ping + pong + other; }
};

class WebSocketFrames {
 public:
  void look(Bytes octets) noexcept;
  const WebSocketCounts& counts() const noexcept { return counts_; }

 private:
  bool take_header(Bytes& octets) noexcept;  // false: there is more to come, or it is none
  void begin_payload() noexcept;
  void take_payload(Bytes& octets) noexcept;

  static constexpr std::size_t most_header = 14;
  std::array<unsigned char, most_header> header_{};
  std::size_t header_size_ = 0;  // octets of it that have come
  std::uint64_t payload_left_ = 0;
  std::uint64_t payload_at_ = 0;  // octets of the payload that have come
  bool in_payload_ = false;
  std::uint16_t close_code_ = 0;
  std::uint64_t offset_ = 0;  // of what is looked at next
  WebSocketCounts counts_;
};

}  // namespace borehole::http
