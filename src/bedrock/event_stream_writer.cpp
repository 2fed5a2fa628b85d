#include "bedrock/event_stream_writer.h"

#include <zlib.h>

#include <cstdint>

namespace borehole::bedrock {

namespace {

template <class Unsigned>
void append_big_endian(std::string& out, Unsigned value) {
  for (std::size_t i = sizeof(Unsigned); i-- > 0;) out += static_cast<char>(static_cast<std::uint64_t>(value) >> 8 * i);
}

void append_checksum(std::string& out, std::size_t begin) {
  const auto* const octets = reinterpret_cast<const Bytef*>(out.data() + begin);
  append_big_endian(out, static_cast<std::uint32_t>(crc32_z(0, octets, out.size() - begin)));
}

std::size_t fixed_size(EventHeaderType type) {
  switch (type) {
    case EventHeaderType::int8: return 1;
    case EventHeaderType::int16: return 2;
    case EventHeaderType::int32: return 4;
    case EventHeaderType::int64:
    case EventHeaderType::timestamp: return 8;
    default: return 0;
  }
}

bool append_header(std::string& out, const EventHeader& header) {
  if (header.name.size() > 0xff || header.octets.size() > 0xffff) return false;
  append_big_endian(out, static_cast<std::uint8_t>(header.name.size()));
  out += header.name;
  out += static_cast<char>(header.type);
  if (header.type == EventHeaderType::byte_array || header.type == EventHeaderType::string) {
    append_big_endian(out, static_cast<std::uint16_t>(header.octets.size()));
    out += header.octets;
  } else if (header.type == EventHeaderType::uuid) {
    out += header.octets;
  } else {
    for (std::size_t i = fixed_size(header.type); i-- > 0;) {
      out += static_cast<char>(static_cast<std::uint64_t>(header.number) >> 8 * i);
    }
  }
  return true;
}

}  // namespace

bool append_event_message(std::string& out, std::span<const EventHeader> headers, Bytes payload) {
  std::string block;
  for (const EventHeader& header : headers) {
    if (!append_header(block, header)) return false;
  }
  const std::size_t total = EventStreamDecoder::overhead_bytes + block.size() + payload.size();
  if (block.size() > EventStreamDecoder::max_header_bytes || total > EventStreamDecoder::hard_message_bytes)
    return false;
  const std::size_t begin = out.size();
  append_big_endian(out, static_cast<std::uint32_t>(total));
  append_big_endian(out, static_cast<std::uint32_t>(block.size()));
  append_checksum(out, begin);
  out += block;
  out += payload;
  append_checksum(out, begin);
  return true;
}

}  // namespace borehole::bedrock
