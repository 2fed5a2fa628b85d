#include "hello.h"

namespace borehole::proxy::test {

namespace {

std::string number(std::size_t value, int octets) {
  std::string out;
  for (int shift = (octets - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xffU);
  return out;
}

std::string with_length(const std::string& content, int octets) { return number(content.size(), octets) + content; }

std::string extension(std::size_t type, const std::string& body) { return number(type, 2) + with_length(body, 2); }

}  // namespace

std::string client_hello(const std::string& server_name, const std::vector<std::string>& alpn) {
  std::string extensions;
  if (!server_name.empty()) {
    extensions += extension(0, with_length(number(0, 1) + with_length(server_name, 2), 2));  // RFC 6066 section 3
  }
  if (!alpn.empty()) {
    std::string protocols;
    for (const auto& protocol : alpn) protocols += with_length(protocol, 1);
    extensions += extension(16, with_length(protocols, 2));  // RFC 7301 section 3.1
  }
  extensions += extension(43, with_length(number(0x0304, 2) + number(0x0303, 2), 1));  // supported_versions
  const std::string body = number(0x0303, 2) + std::string(32, 'r') + with_length(std::string(32, 's'), 1) +
                           with_length(number(0x1301, 2) + number(0xc02b, 2), 2) + with_length(number(0, 1), 1) +
                           with_length(extensions, 2);
  const std::string message = number(1, 1) + with_length(body, 3);
  return number(22, 1) + number(0x0301, 2) + with_length(message, 2);
}

}  // namespace borehole::proxy::test
