// Builds a ClientHello as a client sends it: octets, never a handshake.
#pragma once

#include <string>
#include <vector>

namespace borehole::proxy::test {

// One record. An empty name leaves the extension out, so does an empty list of protocols (RFC 8446 section 4.1.2).
std::string client_hello(const std::string& server_name, const std::vector<std::string>& alpn = {"http/1.1"});

}  // namespace borehole::proxy::test
