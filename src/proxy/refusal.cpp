#include "proxy/refusal.h"

#include <fmt/format.h>

#include "calls/utf8.h"

namespace borehole::proxy {

namespace {

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 431: return "Request Header Fields Too Large";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Internal Server Error";
  }
}

}  // namespace

RefusalShape refusal_shape(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::malformed_request:
    case ErrorCode::ambiguous_request:
    case ErrorCode::host_mismatch:
    case ErrorCode::unsupported_protocol: return {400, "ValidationException"};
    case ErrorCode::body_timeout:
    case ErrorCode::head_timeout: return {408, "ValidationException"};
    case ErrorCode::head_too_large: return {431, "ValidationException"};
    case ErrorCode::host_not_allowed:
    case ErrorCode::port_not_allowed:
    case ErrorCode::address_not_allowed:
    case ErrorCode::proxy_loop: return {403, "AccessDeniedException"};
    case ErrorCode::too_many_guesses:
    case ErrorCode::proxy_auth_required: return {407, ""};
    case ErrorCode::no_route:
    case ErrorCode::header_required:
    case ErrorCode::not_found: return {404, "ResourceNotFoundException"};
    case ErrorCode::dns_failed:
    case ErrorCode::connect_failed:
    case ErrorCode::tls_failed:
    case ErrorCode::certificate_rejected:
    case ErrorCode::upstream_proxy_refused:
    case ErrorCode::upstream_closed:
    case ErrorCode::upstream_broke:
    case ErrorCode::malformed_response: return {502, "ServiceUnavailableException"};
    case ErrorCode::connect_timeout:
    case ErrorCode::response_timeout: return {504, "ModelTimeoutException"};
    case ErrorCode::shutting_down:
    case ErrorCode::too_many_connections:
    case ErrorCode::out_of_memory:
    case ErrorCode::store_failed: return {503, "ServiceUnavailableException"};
    case ErrorCode::client_tls_failed:
    case ErrorCode::client_aborted:
    case ErrorCode::internal:
    case ErrorCode::config_invalid:
    case ErrorCode::io_failed:
    case ErrorCode::ca_invalid: return {500, "InternalServerException"};
  }
  return {500, "InternalServerException"};
}

Error too_much_buffered(std::size_t limit) {
  return {ErrorCode::out_of_memory, Fault::proxy,
          fmt::format("borehole holds {} MiB of messages that their readers have not taken yet, as much as it may; try "
                      "again, or raise `limits.buffered_bytes`",
                      limit / (1024 * 1024))};
}

Error record_not_kept() {
  return {ErrorCode::store_failed, Fault::proxy,
          "the record of this call could not be written, and with `record.durability: strict` no answer ends without "
          "it; borehole's log and /readyz say what to mend"};
}

Error records_fail() {
  return {
      ErrorCode::store_failed, Fault::proxy,
      "this call was not sent: records could not be written a moment ago, and with `record.durability: strict` no "
      "answer ends without its record; try again, and if that does not help see what borehole's log and /readyz say"};
}

std::string refusal_response(const Error& error, bool close, bool head_only, std::string_view more_fields) {
  const RefusalShape shape = refusal_shape(error.code);
  // What came from the wire may stand in the text.
  std::string body = "{\"message\": ";
  calls::append_json_string(body, error.detail);
  body += '}';
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", shape.status, reason_phrase(shape.status));
  if (!shape.type.empty()) out += fmt::format("x-amzn-ErrorType: {}\r\n", shape.type);
  if (shape.status == 407) out += "Proxy-Authenticate: Basic realm=\"borehole\", charset=\"UTF-8\"\r\n";
  out += fmt::format("borehole-error: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
                     error_code_name(error.code), body.size());
  if (close) out += "connection: close\r\n";
  out += more_fields;
  out += "\r\n";
  if (!head_only) out += body;
  return out;
}

}  // namespace borehole::proxy
