// How fast a request body must come (`limits.body_bytes_per_second`), judged over spans of half a minute. Never looks
// at a clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/error.h"

namespace borehole::proxy {

// A client that sends an octet now and then would keep its connection, and one upstream, for ever.
class BodyPace {
 public:
  // What came until now does not count: it was held back, or another body begins.
  void restart() noexcept { since_.reset(); }
  // An error: too little has come since the span began. `least`: octets a second; 0: as slowly as it likes.
  std::optional<Error> came(std::size_t octets, std::size_t least, TimePoint now);

 private:
  std::optional<TimePoint> since_;
  std::uint64_t octets_ = 0;
};

}  // namespace borehole::proxy
