#include "base/error.h"

namespace borehole {

std::string_view error_code_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::internal: return "internal";
    case ErrorCode::malformed_request: return "malformed_request";
    case ErrorCode::ambiguous_request: return "ambiguous_request";
    case ErrorCode::host_mismatch: return "host_mismatch";
    case ErrorCode::head_too_large: return "head_too_large";
    case ErrorCode::body_timeout: return "body_timeout";
    case ErrorCode::head_timeout: return "head_timeout";
    case ErrorCode::host_not_allowed: return "host_not_allowed";
    case ErrorCode::port_not_allowed: return "port_not_allowed";
    case ErrorCode::address_not_allowed: return "address_not_allowed";
    case ErrorCode::proxy_loop: return "proxy_loop";
    case ErrorCode::proxy_auth_required: return "proxy_auth_required";
    case ErrorCode::too_many_guesses: return "too_many_guesses";
    case ErrorCode::no_route: return "no_route";
    case ErrorCode::header_required: return "header_required";
    case ErrorCode::unsupported_protocol: return "unsupported_protocol";
    case ErrorCode::client_tls_failed: return "client_tls_failed";
    case ErrorCode::client_aborted: return "client_aborted";
    case ErrorCode::dns_failed: return "dns_failed";
    case ErrorCode::connect_failed: return "connect_failed";
    case ErrorCode::connect_timeout: return "connect_timeout";
    case ErrorCode::tls_failed: return "tls_failed";
    case ErrorCode::certificate_rejected: return "certificate_rejected";
    case ErrorCode::upstream_proxy_refused: return "upstream_proxy_refused";
    case ErrorCode::upstream_closed: return "upstream_closed";
    case ErrorCode::upstream_broke: return "upstream_broke";
    case ErrorCode::malformed_response: return "malformed_response";
    case ErrorCode::response_timeout: return "response_timeout";
    case ErrorCode::shutting_down: return "shutting_down";
    case ErrorCode::too_many_connections: return "too_many_connections";
    case ErrorCode::out_of_memory: return "out_of_memory";
    case ErrorCode::config_invalid: return "config_invalid";
    case ErrorCode::io_failed: return "io_failed";
    case ErrorCode::ca_invalid: return "ca_invalid";
    case ErrorCode::store_failed: return "store_failed";
    case ErrorCode::not_found: return "not_found";
  }
  return "internal";
}

std::string_view fault_name(Fault fault) noexcept {
  switch (fault) {
    case Fault::client: return "client";
    case Fault::upstream: return "upstream";
    case Fault::proxy: return "proxy";
  }
  return "proxy";
}

}  // namespace borehole
