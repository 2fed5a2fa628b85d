// The event that origin and client of the bench know: a server-sent event of a fixed size that tells when it was sent.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace borehole::bench {

constexpr std::size_t event_octets = 200;
constexpr std::string_view event_open = "data: {\"sent\":";

// Both run on one machine, so that the moments of one are those of the other.
inline std::string make_event(TimePoint now) {
  std::string out = fmt::format("{}{},\"text\":\"", event_open, now.time_since_epoch().count());
  out.append(event_octets - out.size() - 4, 'e');
  out += "\"}\n\n";
  return out;
}

inline std::optional<TimePoint> sent_at(std::string_view event) {
  if (!event.starts_with(event_open)) return std::nullopt;
  TimePoint::rep moment = 0;
  const auto read = std::from_chars(event.data() + event_open.size(), event.data() + event.size(), moment);
  if (read.ec != std::errc()) return std::nullopt;
  return TimePoint(TimePoint::duration(moment));
}

}  // namespace borehole::bench
