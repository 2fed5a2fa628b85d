// Percentiles of many values in little memory: exact for the first thousands, then within half a percent. Never reads
// the store.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace borehole::store {

struct Percentiles {
  std::optional<double> p50, p95, p99;  // nearest rank; none where there was no value
};

class PercentileCount {
 public:
  static constexpr std::size_t most_exact = 4096;  // values; more are counted in buckets that are 1 % wide

  void add(double value);  // a time: none below 0
  Percentiles percentiles();

 private:
  std::vector<double> exact_;
  std::vector<std::uint64_t> buckets_;  // empty as long as `exact_` has all
  std::uint64_t count_ = 0;
};

}  // namespace borehole::store
