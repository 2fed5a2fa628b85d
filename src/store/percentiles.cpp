#include "store/percentiles.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace borehole::store {

namespace {

// Bucket i has the values from least * width^i up to the next one's; together they go from a microsecond to years, in
// milliseconds. What lies beyond is counted in the first and the last.
constexpr double least = 0.001;
constexpr double width = 1.01;
constexpr std::size_t bucket_count = 3200;

std::size_t bucket_of(double value) {
  if (!(value > least)) return 0;
  const double at = std::log(value / least) / std::log(width);
  return std::min(static_cast<std::size_t>(std::min(at, double{bucket_count})), bucket_count - 1);
}

double middle_of(std::size_t bucket) { return least * std::pow(width, static_cast<double>(bucket) + 0.5); }

// Nearest rank: the smallest value that at least `percent` of all are not above; counted from 1.
std::uint64_t rank(std::uint64_t count, std::uint64_t percent) { return (count * percent + 99) / 100; }

}  // namespace

void PercentileCount::add(double value) {
  ++count_;
  if (buckets_.empty() && exact_.size() < most_exact) return exact_.push_back(value);
  if (buckets_.empty()) {
    buckets_.resize(bucket_count);
    for (const double one : exact_) ++buckets_[bucket_of(one)];
    std::vector<double>().swap(exact_);
  }
  ++buckets_[bucket_of(value)];
}

Percentiles PercentileCount::percentiles() {
  if (count_ == 0) return {};
  std::sort(exact_.begin(), exact_.end());
  const auto at = [&](std::uint64_t percent) {
    const std::uint64_t wanted = rank(count_, percent);
    if (buckets_.empty()) return exact_[wanted - 1];
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    while ((seen += buckets_[bucket]) < wanted) ++bucket;
    return middle_of(bucket);
  };
  return {at(50), at(95), at(99)};
}

}  // namespace borehole::store
