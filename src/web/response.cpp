#include "web/response.h"

#include <fmt/format.h>

#include "calls/utf8.h"

namespace borehole::web {

namespace {

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Internal Server Error";
  }
}

// Nothing here is to be framed, sniffed, embedded, cached or told to others.
constexpr std::string_view safety =
    "cache-control: no-store\r\n"
    "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "cross-origin-resource-policy: same-origin\r\n"
    "referrer-policy: no-referrer\r\n"
    "x-content-type-options: nosniff\r\n"
    "x-frame-options: DENY\r\n";

}  // namespace

Response text_response(int status, std::string_view sentence) {
  Response response;
  response.status = status;
  response.body = fmt::format("{}\n", sentence);
  return response;
}

Response json_error(int status, std::string_view sentence) {
  Response response;
  response.status = status;
  response.type = "application/json";
  response.body = "{\"message\":";
  calls::append_json_string(response.body, sentence);
  response.body += "}\n";
  return response;
}

std::string to_octets(const Response& response, bool head_only, bool close) {
  if (response.stream) {  // framed by the connection's end (RFC 9112 section 6.3)
    return fmt::format("HTTP/1.1 {} {}\r\ncontent-type: {}\r\n{}{}connection: close\r\n\r\n", response.status,
                       reason_phrase(response.status), response.type, response.fields, safety);
  }
  return fmt::format("HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n{}{}{}\r\n{}", response.status,
                     reason_phrase(response.status), response.type, response.body.size(), response.fields, safety,
                     close ? "connection: close\r\n" : "", head_only ? std::string_view() : response.body);
}

}  // namespace borehole::web
