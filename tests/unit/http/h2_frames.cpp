#include "h2_frames.h"

namespace borehole::http::test {

namespace {

// RFC 7541 section 5.1, with a prefix of 7 bits.
std::string integer(std::size_t value) {
  std::string out;
  if (value < 127) return {static_cast<char>(value)};
  out += '\x7f';
  for (value -= 127; value >= 128; value /= 128) out += static_cast<char>(value % 128 + 128);
  out += static_cast<char>(value);
  return out;
}

std::uint32_t number(std::string_view octets) {
  std::uint32_t out = 0;
  for (const char c : octets) out = out << 8U | static_cast<unsigned char>(c);
  return out;
}

}  // namespace

std::string u32(std::uint32_t value) {
  std::string out;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(value >> shift & 0xffU);
  return out;
}

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string out = u32(static_cast<std::uint32_t>(payload.size())).substr(1);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  out += u32(stream);
  out += payload;
  return out;
}

std::string block(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out += '\0';
    out += integer(name.size()) + name + integer(value.size()) + value;
  }
  return out;
}

std::vector<Frame> frames_of(std::string_view octets) {
  if (octets.starts_with(preface)) octets.remove_prefix(preface.size());
  std::vector<Frame> out;
  while (octets.size() >= 9) {
    const std::size_t size = number(octets.substr(0, 3));
    if (octets.size() < 9 + size) break;
    out.push_back({static_cast<std::uint8_t>(octets[3]), static_cast<std::uint8_t>(octets[4]),
                   number(octets.substr(5, 4)), std::string(octets.substr(9, size))});
    octets.remove_prefix(9 + size);
  }
  return out;
}

std::uint32_t u32_at(const Frame& frame, std::size_t at) {
  return number(std::string_view(frame.payload).substr(at, 4));
}

}  // namespace borehole::http::test
