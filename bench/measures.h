// What the bench's client counts: durations with their percentiles. Never keeps more than it is told to forget.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"

namespace borehole::bench {

class Durations {
 public:
  void add(Duration duration) { each_.push_back(duration); }
  void clear() { each_.clear(); }
  // One JSON object, in milliseconds.
  std::string to_json() {
    if (each_.empty()) return "{}";
    std::sort(each_.begin(), each_.end());
    Duration sum{};
    for (const Duration one : each_) sum += one;
    return fmt::format(R"({{"count":{},"mean_ms":{:.4f},"p50_ms":{:.4f},"p99_ms":{:.4f},"max_ms":{:.4f}}})",
                       each_.size(), millis(sum) / static_cast<double>(each_.size()), millis(at(50)), millis(at(99)),
                       millis(each_.back()));
  }

 private:
  static double millis(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }
  Duration at(std::size_t percent) const { return each_[(each_.size() - 1) * percent / 100]; }

  std::vector<Duration> each_;
};

}  // namespace borehole::bench
