// The query of a request target as names and values, percent-decoded. Strict: what could be read in two ways is
// refused.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace borehole::web {

using Parameters = std::vector<std::pair<std::string, std::string>>;

// `a=1&b=x%20y` (URL standard, application/x-www-form-urlencoded: `+` is a blank). Refused with a sentence
// (malformed_request): a `%` without two hexadecimal digits, control characters and octets that are no UTF-8, a name
// twice, a part without a name. `text` is what stands behind the `?`; empty: no parameters.
Result<Parameters> parse_query(Bytes text);

// What stands behind the first `?`, or nothing.
Bytes query_of(Bytes target);

}  // namespace borehole::web
