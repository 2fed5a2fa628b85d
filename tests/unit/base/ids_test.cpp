#include "base/ids.h"

#include <set>
#include <string>

#include "catch.h"

using namespace borehole;

TEST_CASE("ULIDs are 26 characters of Crockford base 32 that begin with the time") {
  const WallTime time{std::chrono::milliseconds{1469918176385}};
  const std::string id = new_ulid(time);
  CHECK(id.size() == 26);
  CHECK(id.substr(0, 10) == "01ARYZ6S41");  // the example time of the ULID specification
  CHECK(id.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ") == std::string::npos);
}

TEST_CASE("ULIDs made in one millisecond, or after the clock stepped back, still sort in order") {
  const WallTime time{std::chrono::milliseconds{1700000000000}};
  std::string before = new_ulid(time);
  for (int i = 0; i < 10000; ++i) {
    const std::string id = new_ulid(time - std::chrono::milliseconds{i % 3});
    REQUIRE(before < id);
    before = id;
  }
}

TEST_CASE("times are written as RFC 3339 with microseconds") {
  CHECK(format_rfc3339(WallTime{std::chrono::microseconds{1767323045000006}}) == "2026-01-02T03:04:05.000006Z");
}
