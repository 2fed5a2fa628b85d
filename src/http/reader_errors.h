// Puts what llhttp refuses into words a developer understands. Never quotes the message itself: it may hold secrets.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "http/message_reader.h"

namespace borehole::http {

enum class MessagePart : std::uint8_t { head, body, trailers };

Error reader_error(Role role, ErrorCode request_code, std::string detail);
// `llhttp_error`: an llhttp_errno_t. `line`: the line at fault as far as llhttp read it (none in a body).
Error parse_error(Role role, MessagePart part, int llhttp_error, Bytes line);

}  // namespace borehole::http
