// What went wrong, and whose fault it is; the answer to the client follows from both. Never holds a secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace borehole {

// Whose fault an error is (pingora's habit): it decides what the client is told.
enum class Fault : std::uint8_t { client, upstream, proxy };

// One code per distinct thing a user can mend. The name (`error_code_name`) is what `borehole-error:` and
// `error.code` of a record show.
enum class ErrorCode : std::uint8_t {
  internal,  // a fault of borehole's own
  // from the client
  malformed_request,  // not HTTP/1.1 as RFC 9112 has it
  ambiguous_request,  // parsers could disagree about where it ends or whom it is for (RFC 9112 section 11.2)
  host_mismatch,      // authority, SNI and Host disagree
  head_too_large,
  body_timeout,  // the body came slower than `limits.body_bytes_per_second`
  head_timeout,  // the head did not arrive in `limits.head_timeout`
  host_not_allowed,
  port_not_allowed,
  address_not_allowed,  // loopback, link-local, metadata, … (after resolution)
  proxy_loop,           // the proxy's own port
  proxy_auth_required,
  too_many_guesses,  // wrong credentials from one address, faster than they are judged
  no_route,
  header_required,       // the router's `require_headers` does not match
  unsupported_protocol,  // h2 prior knowledge, only-h2 ALPN
  client_tls_failed,     // the client's handshake failed (most often: it does not trust the CA)
  client_aborted,
  // from the upstream
  dns_failed,
  connect_failed,
  connect_timeout,
  tls_failed,
  certificate_rejected,
  upstream_proxy_refused,  // the corporate proxy answered our CONNECT with something else than 2xx
  upstream_closed,         // ended or broke before a response
  upstream_broke,          // broke inside a response
  malformed_response,
  response_timeout,
  // ours
  shutting_down,
  too_many_connections,
  out_of_memory,
  // start-up and files
  config_invalid,
  io_failed,
  ca_invalid,
  store_failed,
  not_found,
};

std::string_view error_code_name(ErrorCode code) noexcept;
std::string_view fault_name(Fault fault) noexcept;

struct Error {
  ErrorCode code = ErrorCode::internal;
  Fault fault = Fault::proxy;
  std::string detail;  // one sentence, for a person: what happened and what to do next
};

}  // namespace borehole
