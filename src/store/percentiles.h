// Percentiles of many values in little memory: exact for the first thousands, then within half a percent. Never reads
// the store.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace borehole::store {

struct Percentiles {
  std::optional<double> p50, p95, p99;  // nearest rank; none where there was no value
};

// Times in milliseconds, counted in buckets that are 1 % wide.
using BucketNumber = std::uint16_t;
inline constexpr BucketNumber bucket_count = 3200;
BucketNumber bucket_of(double value) noexcept;

class Buckets {
 public:
  void add(BucketNumber bucket, std::int64_t count);  // what comes to nothing is no longer there
  void add(const Buckets& other);
  using Counted = std::vector<std::pair<BucketNumber, std::int64_t>>;
  const Counted& counted() const noexcept { return counted_; }  // by bucket

 private:
  Counted counted_;
};

class PercentileCount {
 public:
  static constexpr std::size_t most_exact = 4096;  // values; more are counted in buckets that are 1 % wide

  void add(double value);            // a time: none below 0
  void add(const Buckets& counted);  // none below 0; known within half a percent, however few they are
  Percentiles percentiles();

 private:
  void use_buckets();
  std::vector<double> exact_;
  std::vector<std::uint64_t> buckets_;  // empty as long as `exact_` has all
  std::uint64_t count_ = 0;
};

}  // namespace borehole::store
