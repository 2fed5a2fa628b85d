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

double middle_of(std::size_t bucket) { return least * std::pow(width, static_cast<double>(bucket) + 0.5); }

// Nearest rank: the smallest value that at least `percent` of all are not above; counted from 1.
std::uint64_t rank(std::uint64_t count, std::uint64_t percent) { return (count * percent + 99) / 100; }

}  // namespace

BucketNumber bucket_of(double value) noexcept {
  if (!(value > least)) return 0;
  static const double log_of_width = std::log(width);
  const double at = std::log(value / least) / log_of_width;
  return static_cast<BucketNumber>(std::min(at, double{bucket_count - 1}));
}

void Buckets::add(BucketNumber bucket, std::int64_t count) {
  if (count == 0) return;
  if (counted_.empty() || counted_.back().first < bucket)
    return static_cast<void>(counted_.emplace_back(bucket, count));
  const auto at = std::lower_bound(counted_.begin(), counted_.end(), bucket,
                                   [](const auto& one, BucketNumber wanted) { return one.first < wanted; });
  if (at->first != bucket) {
    counted_.emplace(at, bucket, count);
  } else if ((at->second += count) == 0) {
    counted_.erase(at);
  }
}

void Buckets::add(const Buckets& other) {
  for (const auto& [bucket, count] : other.counted_) add(bucket, count);
}

void PercentileCount::use_buckets() {
  buckets_.resize(bucket_count);
  for (const double one : exact_) ++buckets_[bucket_of(one)];
  std::vector<double>().swap(exact_);
}

void PercentileCount::add(double value) {
  ++count_;
  if (buckets_.empty() && exact_.size() < most_exact) return exact_.push_back(value);
  if (buckets_.empty()) use_buckets();
  ++buckets_[bucket_of(value)];
}

void PercentileCount::add(const Buckets& counted) {
  for (const auto& [bucket, number] : counted.counted()) {
    if (number <= 0 || bucket >= bucket_count) continue;
    const auto more = static_cast<std::uint64_t>(number);
    count_ += more;
    if (buckets_.empty() && more <= most_exact - exact_.size()) {
      exact_.insert(exact_.end(), more, middle_of(bucket));
      continue;
    }
    if (buckets_.empty()) use_buckets();
    buckets_[bucket] += more;
  }
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
