#include "base/clock.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace borehole {

std::string format_rfc3339(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto micros = (time - seconds).count();
  const std::time_t t = std::chrono::system_clock::to_time_t(std::chrono::system_clock::time_point(seconds));
  std::tm tm{};
  gmtime_r(&t, &tm);
  std::array<char, 40> out{};
  const auto n = std::strftime(out.data(), out.size(), "%Y-%m-%dT%H:%M:%S", &tm);
  const int m = std::snprintf(out.data() + n, out.size() - n, ".%06lldZ", static_cast<long long>(micros));
  return {out.data(), n + static_cast<std::size_t>(m)};
}

}  // namespace borehole
