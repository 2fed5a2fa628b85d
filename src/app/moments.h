// Times as people write and read them on the command line. Pure but for the machine's time zone.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace borehole::app {

// "45s", "10m", "2h", "1d", "3w"
std::optional<std::chrono::microseconds> parse_span(std::string_view text);

// A span before `now`; RFC 3339 with a zone ("2026-01-02T03:04:05Z", "…+01:00", also without seconds); or local time:
// "2026-01-02" (its midnight), "2026-01-02T03:04".
std::optional<WallTime> parse_moment(std::string_view text, WallTime now);

// Local: "15:04:05", with the date before it if it is not that of `now`.
std::string local_time(WallTime time, WallTime now);
// Local, whole, with milliseconds and the zone: "2026-01-02 15:04:05.123 +0100"
std::string local_time_with_zone(WallTime time);

}  // namespace borehole::app
