// Moments as people write them: a date, a time, or how long ago. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace borehole::web {

// `2026-01-02`, `2026-01-02T03:04:05Z`, without seconds, with a fraction of one, or with an offset (RFC 3339); or
// `90s`, `15m`, `2h`, `7d`, `2w`: so long before `now`. Without an offset it is UTC: who asks may be elsewhere.
std::optional<WallTime> parse_moment(std::string_view text, WallTime now);

}  // namespace borehole::web
