// How fast something may happen for each of many keys: token buckets, and no more of them than a bound. Never looks at
// a clock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "base/clock.h"
#include "base/lru_map.h"

namespace borehole {

struct Rate {
  double per_second = 0;
  double burst = 0;  // so much may come at once
};

// Past `most_keys` the bucket that was used longest ago is forgotten, and so full again. Not thread-safe.
class KeyedRate {
 public:
  explicit KeyedRate(std::size_t most_keys) : buckets_(most_keys) {}

  // May it happen once more? Takes nothing.
  bool allows(const std::string& key, const Rate& rate, TimePoint now) { return refilled(key, rate, now).tokens >= 1; }
  void spend(const std::string& key, const Rate& rate, TimePoint now) {
    Bucket& bucket = refilled(key, rate, now);
    bucket.tokens = std::max(0.0, bucket.tokens - 1);
  }
  bool take(const std::string& key, const Rate& rate, TimePoint now) {
    if (!allows(key, rate, now)) return false;
    spend(key, rate, now);
    return true;
  }
  std::size_t size() const noexcept { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens = 0;
    TimePoint at{};
  };

  Bucket& refilled(const std::string& key, const Rate& rate, TimePoint now) {
    Bucket* bucket = buckets_.find(key);
    if (bucket == nullptr) return buckets_.put(key, {rate.burst, now});
    // Callers on several threads read their clocks a little before they come here.
    const double seconds = std::max(0.0, std::chrono::duration<double>(now - bucket->at).count());
    bucket->tokens = std::min(rate.burst, bucket->tokens + seconds * rate.per_second);
    bucket->at = std::max(bucket->at, now);
    return *bucket;
  }

  LruMap<Bucket> buckets_;
};

}  // namespace borehole
