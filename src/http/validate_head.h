// What llhttp lets pass and RFC 9112 wants refused: one place, for every way in and for responses. Never repairs
// anything.
#pragma once

#include "base/result.h"
#include "http/head.h"

namespace borehole::http {

// Refused with malformed_request or ambiguous_request: a version other than 1.0 and 1.1; a method that is no token;
// control characters, spaces or non-ASCII octets in the target; a target in none of the four forms for its method (RFC
// 9112 section 3.2); obs-fold (5.2); whitespace before the colon (5.1); CR, LF, NUL or other controls in a value (RFC
// 9110 5.5); bare LF or bare CR line ends (2.2); HTTP/1.1 without Host unless CONNECT (clients send that), more than
// one Host, a Host that is no uri-host[:port] (3.2); Content-Length beside Transfer-Encoding, differing or non-digit or
// list Content-Lengths (6.3); Transfer-Encoding in HTTP/1.0; any Transfer-Encoding but one `chunked` (6.1); a Host that
// differs from the authority of an absolute-form target (host names compare case-insensitively, default ports are equal
// to absent ones).
Result<void> validate_request_head(const RequestHead& head);

// The same for what can stand in a response, and a body that a 1xx or 204 announces; refused with malformed_response.
Result<void> validate_response_head(const ResponseHead& head);

// Of the above what the fields say together (framing, Host), for a head whose lines were each found sound.
Result<void> validate_request_fields(const RequestHead& head);
Result<void> validate_response_fields(const ResponseHead& head);

}  // namespace borehole::http
