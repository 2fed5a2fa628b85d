#include "http/websocket_frames.h"

#include <algorithm>

namespace borehole::http {

namespace {

constexpr unsigned opcode_mask = 0x0f, close_opcode = 0x8;
constexpr unsigned mask_bit = 0x80, length_mask = 0x7f, length_16 = 126, length_64 = 127;
constexpr std::size_t mask_bytes = 4;

// Octets of a header whose first two are known.
std::size_t header_size(unsigned char second) noexcept {
  const unsigned length = second & length_mask;
  const std::size_t extended = length == length_16 ? 2 : length == length_64 ? 8 : 0;
  return 2 + extended + ((second & mask_bit) != 0 ? mask_bytes : 0);
}

std::uint64_t* count_of(WebSocketCounts& counts, unsigned opcode) noexcept {
  switch (opcode) {
    case 0x0: return &counts.continuation;
    case 0x1: return &counts.text;
    case 0x2: return &counts.binary;
    case close_opcode: return &counts.close;
    case 0x9: return &counts.ping;
    case 0xa: return &counts.pong;
    default: return &counts.other;
  }
}

}  // namespace

void WebSocketFrames::look(Bytes octets) noexcept {
  while (!octets.empty() && !counts_.unreadable_at) {
    if (in_payload_) {
      take_payload(octets);
    } else if (take_header(octets)) {
      begin_payload();
    }
  }
}

bool WebSocketFrames::take_header(Bytes& octets) noexcept {
  const std::size_t wanted = header_size_ < 2 ? 2 : header_size(header_[1]);
  const std::size_t taken = std::min(wanted - header_size_, octets.size());
  std::copy_n(octets.begin(), taken, header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
  header_size_ += taken;
  offset_ += taken;
  octets.remove_prefix(taken);
  return header_size_ >= 2 && header_size_ == header_size(header_[1]);
}

void WebSocketFrames::begin_payload() noexcept {
  const unsigned length = header_[1] & length_mask;
  std::uint64_t size = length;
  if (length >= length_16) {
    size = 0;
    for (std::size_t i = 0; i < (length == length_16 ? 2U : 8U); ++i) size = size << 8U | header_.at(2 + i);
  }
  if (size >> 63U != 0) {  // RFC 6455: the most significant bit is 0
    counts_.unreadable_at = offset_ - header_size_;
    return;
  }
  ++*count_of(counts_, header_[0] & opcode_mask);
  payload_left_ = size;
  payload_at_ = 0;
  in_payload_ = size != 0;
  if (!in_payload_) header_size_ = 0;
}

void WebSocketFrames::take_payload(Bytes& octets) noexcept {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, octets.size()));
  if ((header_[0] & opcode_mask) == close_opcode) {
    for (std::size_t i = 0; i < taken && payload_at_ + i < 2; ++i) {
      unsigned octet = static_cast<unsigned char>(octets[i]);
      if ((header_[1] & mask_bit) != 0) octet ^= header_.at(header_size_ - mask_bytes + payload_at_ + i);
      close_code_ = static_cast<std::uint16_t>(close_code_ << 8U | octet);
      if (payload_at_ + i == 1 && !counts_.close_code) counts_.close_code = close_code_;
    }
  }
  counts_.payload_bytes += taken;
  payload_at_ += taken;
  payload_left_ -= taken;
  offset_ += taken;
  octets.remove_prefix(taken);
  if (payload_left_ != 0) return;
  in_payload_ = false;
  header_size_ = 0;
}

}  // namespace borehole::http
