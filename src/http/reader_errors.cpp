#include "http/reader_errors.h"

#include <fmt/format.h>
#include <llhttp.h>

#include <utility>

#include "http/syntax.h"

namespace borehole::http {

const char* subject(Role role) noexcept { return role == Role::request ? "request" : "upstream's response"; }

Error reader_error(Role role, ErrorCode request_code, std::string detail) {
  if (role == Role::request) return {request_code, Fault::client, std::move(detail)};
  return {ErrorCode::malformed_response, Fault::upstream, std::move(detail)};
}

bool ends_in_bare_lf(Bytes line) noexcept { return line.ends_with('\n') && !line.ends_with("\r\n"); }

namespace {

struct Wording {
  ErrorCode code;
  const char* text;
};

bool has_space_in_name(Bytes line) noexcept {
  const std::size_t space = line.find_first_of(" \t");
  return space != Bytes::npos && is_token(line.substr(0, space));
}

bool is_line_end(Bytes line) noexcept {
  return line.empty() || line.back() == '\r' || line.back() == '\n' || line.find(':') == Bytes::npos;
}

// Of a version that is none, llhttp may tell at its last digit or behind it: by how the octets came.
bool ends_in_version_and_bare_lf(Bytes line) noexcept {
  return line.ends_with("HTTP/1.1\n") || line.ends_with("HTTP/1.0\n");
}

constexpr Wording not_crlf{ErrorCode::ambiguous_request, "a line is not ended by CRLF"};

Wording head_wording(Role role, int error, Bytes line) {
  switch (error) {
    case HPE_INVALID_METHOD: return {ErrorCode::malformed_request, "the request line begins with no known HTTP method"};
    case HPE_INVALID_URL:
      return {ErrorCode::malformed_request, "the request target has an octet that no URL may hold, or is no URL"};
    case HPE_INVALID_CONSTANT:
    case HPE_INVALID_VERSION:
      if (ends_in_version_and_bare_lf(line)) return not_crlf;  // llhttp 9 says so where 8 says HPE_LF_EXPECTED
      return {ErrorCode::malformed_request, role == Role::request
                                                ? "the request line does not end with HTTP/1.1 or HTTP/1.0 and CRLF"
                                                : "the status line does not begin with HTTP/1.1 or HTTP/1.0"};
    case HPE_PAUSED_H2_UPGRADE: return {ErrorCode::malformed_request, "HTTP/2 is spoken where HTTP/1.1 is expected"};
    case HPE_INVALID_STATUS: return {ErrorCode::malformed_request, "the status code is not three digits"};
    case HPE_UNEXPECTED_SPACE:
      return {ErrorCode::ambiguous_request, "a field line begins with whitespace, or there is space where none may be"};
    case HPE_INVALID_HEADER_TOKEN:
      if (has_space_in_name(line))
        return {ErrorCode::ambiguous_request, "there is whitespace between a field's name and its colon"};
      if (is_line_end(line)) return {ErrorCode::ambiguous_request, "a field line has no colon or is not ended by CRLF"};
      return {ErrorCode::malformed_request, "a field line has a control character or an octet that no field may hold"};
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return {ErrorCode::ambiguous_request,
              "there are two Content-Length fields, or Content-Length and Transfer-Encoding: parsers disagree about "
              "where such a body ends"};
    case HPE_INVALID_CONTENT_LENGTH:
      return {ErrorCode::ambiguous_request, "Content-Length is not one decimal number of a possible size"};
    case HPE_INVALID_TRANSFER_ENCODING:
      return {ErrorCode::ambiguous_request, "Transfer-Encoding is something else than one `chunked`"};
    case HPE_STRICT:
    case HPE_LF_EXPECTED:
    case HPE_CR_EXPECTED: return not_crlf;
    default: return {ErrorCode::malformed_request, "it is not HTTP/1.1"};
  }
}

}  // namespace

Error parse_error(Role role, int llhttp_error, Bytes line) {
  const Wording wording = head_wording(role, llhttp_error, line);
  return reader_error(role, wording.code,
                      fmt::format("The {}'s head cannot be read: {} ({}).", subject(role), wording.text,
                                  llhttp_errno_name(static_cast<llhttp_errno_t>(llhttp_error))));
}

}  // namespace borehole::http
