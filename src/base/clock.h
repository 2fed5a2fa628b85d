// Time as the program knows it: a monotonic one for durations, a wall one for records. Pure code is handed both.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace borehole {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

// Tests substitute a fake one; everything below `net` is handed values instead.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const noexcept = 0;
  virtual WallTime wall() const noexcept = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
  WallTime wall() const noexcept override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
};

// RFC 3339, UTC, microseconds: 2026-01-02T03:04:05.000006Z
std::string format_rfc3339(WallTime time);

}  // namespace borehole
