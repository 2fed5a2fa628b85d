// Heads of HTTP/2 messages in the shape of HTTP/1 (RFC 9113 section 8.3.1), to be looked at, routed and recorded with
// the means that there are. Never forwarded in that shape.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/h2_codec.h"
#include "http/head.h"
#include "http/head_edit.h"

namespace borehole::http {

// Pseudo-header fields as received; a view is valid while the fields are. Absent: it was not sent.
struct H2Pseudo {
  std::optional<Bytes> method, scheme, authority, path, protocol;
};
H2Pseudo pseudo_of(const H2Fields& fields);

struct H2RequestHead {
  RequestHead head;
  std::vector<std::size_t> origin;  // which of the H2Fields each field of `head` is
};
// `target` becomes the request target. `:authority` becomes the first field, Host; a Host field of the same value
// beside it is left out.
H2RequestHead as_request_head(const H2Fields& fields, Bytes target);
ResponseHead as_response_head(const H2Fields& fields);

// `fields` as an edit of their head changes them: `:path` is the edit's target, `:scheme` is `scheme` where it is not
// empty.
H2Fields edited(const H2Fields& fields, const H2RequestHead& of, const HeadEdit& edit, Bytes scheme);

// A response that was written for HTTP/1: names in lower case, without `connection`. `body` is what stands behind its
// head.
H2Fields as_response_fields(Bytes response, Bytes& body);

}  // namespace borehole::http
