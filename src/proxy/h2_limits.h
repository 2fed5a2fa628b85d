// What of an HTTP/2 message's head is over a limit of the configuration. Never looks at what the head says.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "config/config.h"
#include "http/h2_head.h"

namespace borehole::proxy {

// `too_large`: the codec let some of the fields go. `head`: the same fields in the shape of HTTP/1.
std::optional<Error> request_over_limits(const http::H2Fields& fields, const http::RequestHead& head, bool too_large,
                                         const config::Config& config);
Error request_trailers_too_large(const config::Config& config);
// Of `host`. As of HTTP/1.1 responses, it may have more than a request.
std::optional<Error> response_over_limits(const http::H2Fields& fields, const std::string& host, bool too_large,
                                          const config::Config& config);
Error response_trailers_too_large(const std::string& host, const config::Config& config);

}  // namespace borehole::proxy
