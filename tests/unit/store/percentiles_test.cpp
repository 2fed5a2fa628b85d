#include "store/percentiles.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "catch.h"
#include "store/call_statistics.h"

namespace borehole::store {

TEST_CASE("few values give percentiles that occurred", "[percentiles]") {
  PercentileCount count;
  CHECK_FALSE(count.percentiles().p50.has_value());
  for (int i = static_cast<int>(PercentileCount::most_exact); i >= 1; --i) count.add(i);
  CHECK(count.percentiles().p50 == 2048.0);
  CHECK(count.percentiles().p95 == 3892.0);
  CHECK(count.percentiles().p99 == 4056.0);
}

TEST_CASE("many values give percentiles within half a percent, in bounded memory", "[percentiles]") {
  std::mt19937_64 random(7);  // NOLINT: the same values each time
  std::lognormal_distribution<double> times(7, 1.5);
  PercentileCount count;
  std::vector<double> all;
  for (int i = 0; i < 200'000; ++i) {
    all.push_back(times(random));
    count.add(all.back());
  }
  std::sort(all.begin(), all.end());
  const auto made = count.percentiles();
  const auto near = [](double told, double exact) { return std::abs(told - exact) <= exact * 0.0051; };
  CHECK(near(made.p50.value(), all[100'000 - 1]));
  CHECK(near(made.p95.value(), all[190'000 - 1]));
  CHECK(near(made.p99.value(), all[198'000 - 1]));
}

TEST_CASE("values beyond every bucket are counted in the last ones", "[percentiles]") {
  PercentileCount count;
  for (int i = 0; i < 6000; ++i) count.add(i % 2 == 0 ? 0 : 1e300);
  CHECK(count.percentiles().p50.value() < 0.002);
  CHECK(count.percentiles().p99.value() > 1e9);
}

TEST_CASE("the number of groups has a bound, and no call is left out of the sums", "[call_statistics]") {
  StatisticsCount count(GroupBy::process);
  for (std::size_t i = 0; i < StatisticsCount::most_groups + 50; ++i) {
    const std::string key = "p[" + std::to_string(i) + "]";
    count.add({.key = key, .outcome = "complete", .total_ms = 1});
  }
  const auto made = count.take();
  CHECK(made.groups.size() == StatisticsCount::most_groups + 1);
  CHECK(made.total.calls == StatisticsCount::most_groups + 50);
  CHECK(made.groups[0].key == StatisticsCount::others);
  CHECK(made.groups[0].calls == 50);
}

}  // namespace borehole::store
