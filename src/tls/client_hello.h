// Reads a ClientHello out of the first octets of a connection, to choose what to do. Never answers, never consumes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace borehole::tls {

struct ClientHello {
  std::string server_name;  // SNI host_name (RFC 6066 section 3), lower case, without one trailing dot; empty if absent
  std::vector<std::string> alpn;  // offered protocols, in order (RFC 7301); empty if the extension is absent
  std::uint16_t legacy_version = 0;
  std::vector<std::uint16_t> versions;  // supported_versions (RFC 8446 section 4.2.1); empty if absent

  bool offers(Bytes protocol) const;
};

enum class HelloStatus : std::uint8_t { need_more, complete, not_tls, malformed };

struct HelloResult {
  HelloStatus status = HelloStatus::need_more;
  ClientHello hello;
};

// `bytes` are all octets received so far (TLS records, RFC 8446 section 5.1). The message may be spread over any number
// of records; more than 64 KiB is malformed. One octet is enough for not_tls.
HelloResult read_client_hello(Bytes bytes);

}  // namespace borehole::tls
