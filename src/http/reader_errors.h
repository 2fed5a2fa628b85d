// Puts what llhttp refuses into words a developer understands. Never quotes the message itself: it may hold secrets.
#pragma once

#include <string>

#include "base/error.h"
#include "http/message_reader.h"

namespace borehole::http {

// "request" or "upstream's response".
const char* subject(Role role) noexcept;
// `request_code` is the error's code in a request; in a response it is malformed_response.
Error reader_error(Role role, ErrorCode request_code, std::string detail);
// Whether a line, its end included, ends as parsers disagree about (RFC 9112 section 2.2).
bool ends_in_bare_lf(Bytes line) noexcept;
// Of a head. `llhttp_error`: an llhttp_errno_t. `line`: the line at fault as far as llhttp read it.
Error parse_error(Role role, int llhttp_error, Bytes line);

}  // namespace borehole::http
