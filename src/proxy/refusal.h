// The answers that borehole makes itself, shaped as AWS REST-JSON errors (CONTRACT section 5). Never imitates an answer
// of Amazon's: `borehole-error` tells them apart.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace borehole::proxy {

struct RefusalShape {
  int status = 500;
  std::string_view type;  // the AWS exception; empty: none (407)
};

RefusalShape refusal_shape(ErrorCode code) noexcept;

// The whole response, head and body. `close`: it says `connection: close`. `head_only`: the request was HEAD.
// `more_fields`: whole lines for the head.
std::string refusal_response(const Error& error, bool close, bool head_only, std::string_view more_fields = {});

// Said to whom comes while more than that many octets are held.
Error too_much_buffered(std::size_t limit);

// Said in place of a response whose record should be on disk and cannot be; and of a call that is not even sent for it.
Error record_not_kept();
Error records_fail();

}  // namespace borehole::proxy
