// HTTP/2 frames as octets, for tests (RFC 9113 section 4.1). Never checks what it writes: tests need wrong ones too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace borehole::http::test {

inline constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum FrameType : std::uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  rst_stream = 3,
  settings = 4,
  push_promise = 5,
  ping = 6,
  goaway_frame = 7,
  window_update = 8,
  continuation = 9,
  priority_update = 16,
};
inline constexpr std::uint8_t end_stream = 0x1, ack = 0x1, end_headers = 0x4, padded = 0x8, with_priority = 0x20;

struct Frame {
  std::uint8_t type = 0, flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

std::string u32(std::uint32_t value);
std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload = {});
// Literal fields, never indexed in any table, without Huffman coding (RFC 7541 section 6.2.2).
std::string block(const std::vector<std::pair<std::string, std::string>>& fields);
// All whole frames in there; a preface in front is skipped.
std::vector<Frame> frames_of(std::string_view octets);
std::uint32_t u32_at(const Frame& frame, std::size_t at);

}  // namespace borehole::http::test
