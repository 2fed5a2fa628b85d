#include "proxy/h2_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace borehole::proxy {

namespace {

Error request_too_large(std::string detail) { return {ErrorCode::head_too_large, Fault::client, std::move(detail)}; }

bool has_longer_field(const http::H2Fields& fields, std::size_t octets) noexcept {
  return std::any_of(fields.begin(), fields.end(), [octets](const http::H2Field& field) {
    return !field.name.starts_with(':') && field.name.size() + field.value.size() > octets;
  });
}

}  // namespace

std::optional<Error> request_over_limits(const http::H2Fields& fields, const http::RequestHead& head, bool too_large,
                                         const config::Config& config) {
  if (too_large) {
    return request_too_large(fmt::format("the request's header fields are larger than {} bytes (`limits.head_bytes`)",
                                         config.limits.head_bytes));
  }
  if (head.field_count() > config.limits.header_fields) {
    return request_too_large(fmt::format("the request's head has more than {} fields (`limits.header_fields`)",
                                         config.limits.header_fields));
  }
  if (has_longer_field(fields, config.limits.header_line_bytes)) {
    return request_too_large(
        fmt::format("a field of the request's head is longer than {} octets (`limits.header_line_bytes`)",
                    config.limits.header_line_bytes));
  }
  if (head.target().size() > config.limits.target_bytes) {
    return request_too_large(
        fmt::format("the request's path is longer than {} octets (`limits.target_bytes`)", config.limits.target_bytes));
  }
  return std::nullopt;
}

Error request_trailers_too_large(const config::Config& config) {
  return request_too_large(
      fmt::format("the request's trailers are larger than {} bytes (`limits.head_bytes`)", config.limits.head_bytes));
}

std::optional<Error> response_over_limits(const http::H2Fields& fields, const std::string& host, bool too_large,
                                          const config::Config& config) {
  const auto error = [](std::string detail) {
    return Error{ErrorCode::malformed_response, Fault::upstream, std::move(detail)};
  };
  if (too_large) {
    return error(fmt::format("the header fields of {}'s response are larger than {} bytes (`limits.head_bytes`)", host,
                             config.limits.head_bytes));
  }
  const std::size_t most_fields = config.limits.header_fields * 4;
  const auto count = static_cast<std::size_t>(std::count_if(
      fields.begin(), fields.end(), [](const http::H2Field& field) { return !field.name.starts_with(':'); }));
  if (count > most_fields) {
    return error(fmt::format("{}'s response has more than {} fields (`limits.header_fields`)", host, most_fields));
  }
  const std::size_t longest = config.limits.header_line_bytes * 4;
  if (has_longer_field(fields, longest)) {
    return error(
        fmt::format("a field of {}'s response is longer than {} octets (`limits.header_line_bytes`)", host, longest));
  }
  return std::nullopt;
}

Error response_trailers_too_large(const std::string& host, const config::Config& config) {
  return {ErrorCode::upstream_broke, Fault::upstream,
          fmt::format("the trailers of {}'s response are larger than {} bytes (`limits.head_bytes`)", host,
                      config.limits.head_bytes)};
}

}  // namespace borehole::proxy
