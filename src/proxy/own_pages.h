// What borehole itself serves at http://borehole.test/ on the proxy's port: the CA to trust, for clients that have no
// other way to this machine. Never opens a connection, never leaves a record.
#pragma once

#include <string>
#include <string_view>

#include "http/head.h"
#include "proxy/route.h"

namespace borehole::proxy {

// A name that no network has (RFC 6761 section 6.2).
inline constexpr std::string_view own_host = "borehole.test";

// Immutable. An empty text is a page that there is not.
struct OwnPages {
  std::string ca_pem, ca_der;
  std::string bundle_pem;  // the system's roots and ours
  std::string ca_sha256;   // the fingerprint of ca_pem
};

// Is the request for these pages: absolute form, http, that host and port 80, outside of any opened TLS but the proxy's
// own?
bool is_for_own_pages(const http::RequestHead& head, const Surroundings& at);

// The whole response, head and body: to GET and HEAD a page or 404, to other methods 405. `close`: it says
// `connection: close`.
std::string own_response(const http::RequestHead& head, const OwnPages& pages, bool close);

}  // namespace borehole::proxy
