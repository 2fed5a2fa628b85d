#include "app/moments.h"

#include <cstdlib>
#include <ctime>

#include "catch.h"

using namespace borehole;
using namespace borehole::app;
using namespace std::chrono_literals;

namespace {

// Every test of this file lives an hour east of Greenwich, two in summer.
struct Vienna {
  Vienna() {
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
  }
  ~Vienna() {
    unsetenv("TZ");
    tzset();
  }
  Vienna(const Vienna&) = delete;
  Vienna& operator=(const Vienna&) = delete;
};

const WallTime now = WallTime(1'767'323'045s);  // 2026-01-02T03:04:05Z

std::string parsed(const char* text) {
  const auto moment = parse_moment(text, now);
  return moment ? format_rfc3339(*moment) : "none";
}

}  // namespace

TEST_CASE("spans end in their unit", "[moments]") {
  CHECK(parse_span("45s") == 45s);
  CHECK(parse_span("10m") == 10min);
  CHECK(parse_span("2h") == 2h);
  CHECK(parse_span("1d") == 24h);
  CHECK(parse_span("3w") == 21 * 24h);
  for (const auto* wrong : {"", "m", "10", "-1h", "1.5h", "1 h", "1y", "h1", "123456789d"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_span(wrong));
  }
}

TEST_CASE("moments are a while ago, of a zone that is said, or local", "[moments]") {
  const Vienna here;
  CHECK(parsed("10m") == "2026-01-02T02:54:05.000000Z");
  CHECK(parsed("2026-01-02T03:04:05Z") == "2026-01-02T03:04:05.000000Z");
  CHECK(parsed("2026-01-02t03:04:05.123456+05:30") == "2026-01-01T21:34:05.123456Z");
  CHECK(parsed("2026-01-02T03:04:05.5-0200") == "2026-01-02T05:04:05.500000Z");
  CHECK(parsed("2026-01-02T23:30Z") == "2026-01-02T23:30:00.000000Z");
  CHECK(parsed("2026-01-02") == "2026-01-01T23:00:00.000000Z");
  CHECK(parsed("2026-07-02") == "2026-07-01T22:00:00.000000Z");
  CHECK(parsed("2026-01-02 04:05") == "2026-01-02T03:05:00.000000Z");
  CHECK(parsed("2026-01-02T04:05:06") == "2026-01-02T03:05:06.000000Z");
  for (const auto* wrong :
       {"", "yesterday", "2026", "2026-13-01", "2026-02-30", "2026-01-32", "2026-01-02T24:00", "2026-01-02T03:60",
        "2026-01-02T03", "2026-01-02T03:04:05Zx", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+1", "26-01-02"}) {
    CAPTURE(wrong);
    CHECK(parsed(wrong) == "none");
  }
}

TEST_CASE("times are shown as the clock on the wall has them, with the date when it is another", "[moments]") {
  const Vienna here;
  CHECK(local_time(now, now + 5h) == "04:04:05");
  CHECK(local_time(now, now + 20h) == "2026-01-02 04:04:05");
  CHECK(local_time_with_zone(now + 7'123us) == "2026-01-02 04:04:05.007 +0100");
}
