#include "base/keyed_rate.h"

#include "catch.h"

using namespace borehole;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint start{std::chrono::hours(1)};
constexpr Rate rate{.per_second = 2, .burst = 3};

}  // namespace

TEST_CASE("each key has its burst, and then its rate") {
  KeyedRate limit(10);
  for (int i = 0; i < 3; ++i) CHECK(limit.take("a", rate, start));
  CHECK_FALSE(limit.take("a", rate, start));
  CHECK_FALSE(limit.take("a", rate, start + 499ms));
  CHECK(limit.take("a", rate, start + 500ms));
  CHECK_FALSE(limit.take("a", rate, start + 500ms));
  CHECK(limit.take("b", rate, start));
  for (int i = 0; i < 3; ++i) CHECK(limit.take("a", rate, start + 1h));  // no more than the burst is saved up
  CHECK_FALSE(limit.take("a", rate, start + 1h));
}

TEST_CASE("what is only asked about takes nothing, and time never runs backwards") {
  KeyedRate limit(10);
  for (int i = 0; i < 9; ++i) CHECK(limit.allows("a", rate, start));
  for (int i = 0; i < 3; ++i) limit.spend("a", rate, start + 10s);
  CHECK_FALSE(limit.allows("a", rate, start));  // a thread whose clock was read earlier
  CHECK_FALSE(limit.allows("a", rate, start + 10s));
  CHECK(limit.allows("a", rate, start + 11s));
}

TEST_CASE("keys without end take no memory without end") {
  KeyedRate limit(10);
  for (int i = 0; i < 1000; ++i) limit.take(std::to_string(i), rate, start);
  CHECK(limit.size() == 10);
}
