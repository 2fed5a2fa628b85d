#include "tls/client_hello.h"

#include <openssl/bytestring.h>

#include <algorithm>

namespace borehole::tls {
namespace {

constexpr std::uint8_t handshake_record = 22;
constexpr std::uint8_t client_hello_message = 1;
constexpr std::size_t record_header = 5;
constexpr std::size_t message_header = 4;
constexpr std::size_t max_fragment = std::size_t{1} << 14U;
constexpr std::size_t max_message = std::size_t{64} * 1024;
constexpr std::size_t max_host_name = 255;

constexpr std::uint16_t server_name_extension = 0;
constexpr std::uint16_t alpn_extension = 16;
constexpr std::uint16_t supported_versions_extension = 43;

std::uint8_t octet(Bytes bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

Bytes as_bytes(const CBS& cbs) { return {reinterpret_cast<const char*>(CBS_data(&cbs)), CBS_len(&cbs)}; }

// Walks the records. `message` becomes the ClientHello with its header, in `bytes` itself or, if it is spread over
// several records, in `joined`.
HelloStatus find_message(Bytes bytes, std::string& joined, Bytes& message) {
  std::size_t wanted = 0;     // size of the message, once its header is known
  std::size_t collected = 0;  // how much of it is there
  std::size_t at = 0;
  std::uint8_t header[message_header] = {};
  for (std::size_t records = 0; at < bytes.size(); ++records) {
    if (octet(bytes, at) != handshake_record) return records == 0 ? HelloStatus::not_tls : HelloStatus::malformed;
    if (bytes.size() - at > 1 && octet(bytes, at + 1) != 3) {
      return records == 0 ? HelloStatus::not_tls : HelloStatus::malformed;
    }
    if (bytes.size() - at < record_header) return HelloStatus::need_more;
    const std::size_t size = std::size_t{octet(bytes, at + 3)} << 8U | octet(bytes, at + 4);
    // Handshake fragments of no length are forbidden (RFC 8446 section 5.1).
    if (size == 0 || size > max_fragment) return HelloStatus::malformed;
    const Bytes fragment = bytes.substr(at + record_header, size);
    for (std::size_t i = 0; i < fragment.size() && collected + i < message_header; ++i) {
      header[collected + i] = octet(fragment, i);
    }
    collected += fragment.size();
    if (collected > 0 && header[0] != client_hello_message) return HelloStatus::malformed;
    if (collected >= message_header) {
      wanted = message_header + (std::size_t{header[1]} << 16U | std::size_t{header[2]} << 8U | header[3]);
      if (wanted > max_message) return HelloStatus::malformed;
      if (collected >= wanted) {
        if (records == 0) message = fragment.substr(0, wanted);
        break;
      }
    }
    at += record_header + size;
  }
  if (wanted == 0 || collected < wanted) return HelloStatus::need_more;
  if (message.empty()) {
    joined.reserve(wanted);
    for (at = 0; joined.size() < wanted;) {
      const std::size_t size = std::size_t{octet(bytes, at + 3)} << 8U | octet(bytes, at + 4);
      joined += bytes.substr(at + record_header, std::min(size, wanted - joined.size()));
      at += record_header + size;
    }
    message = joined;
  }
  return HelloStatus::complete;
}

// RFC 6066 section 3: one name of type host_name, in ASCII.
bool read_server_name(CBS body, std::string& name) {
  CBS list;
  CBS host;
  std::uint8_t type = 0;
  if (!CBS_get_u16_length_prefixed(&body, &list) || CBS_len(&body) != 0) return false;
  if (!CBS_get_u8(&list, &type) || type != 0 || !CBS_get_u16_length_prefixed(&list, &host) || CBS_len(&list) != 0) {
    return false;
  }
  const Bytes text = as_bytes(host);
  if (text.empty() || text.size() > max_host_name) return false;
  name.reserve(text.size());
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f) return false;
    name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  return true;
}

bool read_alpn(CBS body, std::vector<std::string>& protocols) {
  CBS list;
  if (!CBS_get_u16_length_prefixed(&body, &list) || CBS_len(&body) != 0 || CBS_len(&list) == 0) return false;
  while (CBS_len(&list) > 0) {
    CBS protocol;
    if (!CBS_get_u8_length_prefixed(&list, &protocol) || CBS_len(&protocol) == 0) return false;
    protocols.emplace_back(as_bytes(protocol));
  }
  return true;
}

bool read_versions(CBS body, std::vector<std::uint16_t>& versions) {
  CBS list;
  if (!CBS_get_u8_length_prefixed(&body, &list) || CBS_len(&body) != 0 || CBS_len(&list) == 0) return false;
  while (CBS_len(&list) > 0) {
    std::uint16_t version = 0;
    if (!CBS_get_u16(&list, &version)) return false;
    versions.push_back(version);
  }
  return true;
}

bool read_extensions(CBS list, ClientHello& hello) {
  std::vector<std::uint16_t> seen;
  while (CBS_len(&list) > 0) {
    std::uint16_t type = 0;
    CBS body;
    if (!CBS_get_u16(&list, &type) || !CBS_get_u16_length_prefixed(&list, &body)) return false;
    seen.push_back(type);
    bool ok = true;
    if (type == server_name_extension) ok = read_server_name(body, hello.server_name);
    if (type == alpn_extension) ok = read_alpn(body, hello.alpn);
    if (type == supported_versions_extension) ok = read_versions(body, hello.versions);
    if (!ok) return false;
  }
  // No extension may come twice (RFC 8446 section 4.2).
  std::sort(seen.begin(), seen.end());
  return std::adjacent_find(seen.begin(), seen.end()) == seen.end();
}

bool read_message(Bytes message, ClientHello& hello) {
  message.remove_prefix(message_header);
  CBS cbs;
  CBS_init(&cbs, reinterpret_cast<const std::uint8_t*>(message.data()), message.size());
  CBS random;
  CBS session_id;
  CBS suites;
  CBS compression;
  if (!CBS_get_u16(&cbs, &hello.legacy_version) || !CBS_get_bytes(&cbs, &random, 32) ||
      !CBS_get_u8_length_prefixed(&cbs, &session_id) || CBS_len(&session_id) > 32 ||
      !CBS_get_u16_length_prefixed(&cbs, &suites) || CBS_len(&suites) < 2 || CBS_len(&suites) % 2 != 0 ||
      !CBS_get_u8_length_prefixed(&cbs, &compression) || CBS_len(&compression) == 0) {
    return false;
  }
  if (CBS_len(&cbs) == 0) return true;  // TLS 1.2 may do without extensions (RFC 5246 section 7.4.1.2)
  CBS extensions;
  return CBS_get_u16_length_prefixed(&cbs, &extensions) && CBS_len(&cbs) == 0 && read_extensions(extensions, hello);
}

}  // namespace

bool ClientHello::offers(Bytes protocol) const { return std::find(alpn.begin(), alpn.end(), protocol) != alpn.end(); }

HelloResult read_client_hello(Bytes bytes) {
  HelloResult result;
  std::string joined;
  Bytes message;
  result.status = find_message(bytes, joined, message);
  if (result.status == HelloStatus::complete && !read_message(message, result.hello)) {
    result = {HelloStatus::malformed, {}};
  }
  return result;
}

}  // namespace borehole::tls
