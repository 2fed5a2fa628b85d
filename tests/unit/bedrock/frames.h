// Writes event stream messages for tests; the decoder's own code is not used.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <zlib.h>

namespace borehole::bedrock {

template <class Unsigned>
std::string wire(Unsigned value) {
  std::string out;
  for (std::size_t i = sizeof(Unsigned); i-- > 0;) out += static_cast<char>(static_cast<std::uint64_t>(value) >> 8 * i);
  return out;
}

inline std::string crc_of(std::string_view octets) {
  return wire(static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const unsigned char*>(octets.data()), static_cast<unsigned>(octets.size()))));
}

inline std::string header(std::string_view name, char type, std::string_view value) {
  return wire(static_cast<std::uint8_t>(name.size())) + std::string(name) + type + std::string(value);
}

inline std::string text_header(std::string_view name, std::string_view value) {
  return header(name, 7, wire(static_cast<std::uint16_t>(value.size())) + std::string(value));
}

inline std::string frame(std::string_view headers, std::string_view payload) {
  std::string out = wire(static_cast<std::uint32_t>(16 + headers.size() + payload.size())) +
                    wire(static_cast<std::uint32_t>(headers.size()));
  out += crc_of(out);
  out += headers;
  out += payload;
  return out + crc_of(out);
}

inline std::string event_frame(std::string_view type, std::string_view payload) {
  return frame(text_header(":event-type", type) + text_header(":content-type", "application/json") +
                   text_header(":message-type", "event"),
               payload);
}

// The frame in which a client signs an event: `message` whole, or nothing where the stream ends. The signature is none.
inline std::string signed_frame(std::string_view message) {
  const std::string signature(32, '\x5a');
  return frame(header(":date", 8, wire(std::uint64_t{1'767'323'045'000})) +
                   header(":chunk-signature", 6, wire(std::uint16_t{32}) + signature),
               message);
}

inline std::string exception_frame(std::string_view type, std::string_view payload) {
  return frame(text_header(":exception-type", type) + text_header(":content-type", "application/json") +
                   text_header(":message-type", "exception"),
               payload);
}

inline std::string base64(std::string_view octets) {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned held = 0;
  unsigned bits = 0;
  for (const char octet : octets) {
    held = held << 8U | static_cast<unsigned char>(octet);
    for (bits += 8; bits >= 6; bits -= 6) out += alphabet[held >> (bits - 6) & 63U];
  }
  if (bits != 0) out += alphabet[held << (6 - bits) & 63U];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

// {"event": {NAME: BODY}} in a chunk, as models that are spoken to send and get it.
inline std::string speech_frame(std::string_view name, std::string_view body) {
  std::string event = R"({"event":{")";
  event.append(name).append("\":").append(body).append("}}");
  return event_frame("chunk", R"({"bytes":")" + base64(event) + R"("})");
}

}  // namespace borehole::bedrock
