#include "proxy/body_pace.h"

#include <fmt/format.h>

#include <chrono>

namespace borehole::proxy {

namespace {

constexpr Duration span_of_judgement = std::chrono::seconds(30);

}  // namespace

std::optional<Error> BodyPace::came(std::size_t octets, std::size_t least, TimePoint now) {
  if (!since_) {
    since_ = now;
    octets_ = 0;
  }
  octets_ += octets;
  const Duration span = now - *since_;
  if (span < span_of_judgement || least == 0) return std::nullopt;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span).count();
  if (octets_ >= least * static_cast<std::uint64_t>(seconds)) {
    since_ = now;
    octets_ = 0;
    return std::nullopt;
  }
  return Error{ErrorCode::body_timeout, Fault::client,
               fmt::format("{} octets of the request body came within {} s, less than {} a second; send it faster, or "
                           "lower `limits.body_bytes_per_second`",
                           octets_, seconds, least)};
}

}  // namespace borehole::proxy
