#include "web/query.h"

#include <string>

#include "catch.h"
#include "web/moment.h"

using namespace borehole;
using namespace borehole::web;

namespace {

Parameters good(const std::string& text) {
  CAPTURE(text);
  auto parameters = parse_query(text);
  REQUIRE(parameters);
  return *std::move(parameters);
}

std::string bad(const std::string& text) {
  CAPTURE(text);
  const auto parameters = parse_query(text);
  REQUIRE_FALSE(parameters);
  CHECK(parameters.error().code == ErrorCode::malformed_request);
  return parameters.error().detail;
}

const WallTime now{std::chrono::seconds(1'767'323'045)};  // 2026-01-02T03:04:05Z

std::string moment(std::string_view text) {
  const auto parsed = parse_moment(text, now);
  return parsed ? format_rfc3339(*parsed) : "none";
}

}  // namespace

TEST_CASE("a query is names and values, decoded") {
  CHECK(good("").empty());
  CHECK(good("a=1&b=2") == Parameters{{"a", "1"}, {"b", "2"}});
  CHECK(good("text=a+b%2Bc%20d%C3%A4") == Parameters{{"text", "a b+c dä"}});
  CHECK(good("a&b=&c==") == Parameters{{"a", ""}, {"b", ""}, {"c", "="}});
  CHECK(good("&&a=1&") == Parameters{{"a", "1"}});
  CHECK(good("%61=%26%3D") == Parameters{{"a", "&="}});
}

TEST_CASE("a query that could be read in two ways is refused with a sentence") {
  for (const std::string text : {"a=%", "a=%4", "a=%g0", "a=%-1", "%=1"}) {
    CHECK(bad(text) == "A % in the query must be followed by two hexadecimal digits; write %25 for itself.");
  }
  CHECK(bad("a=1&a=2") == "The parameter a is given twice; give it once.");
  CHECK(bad("a=1&%61=2") == "The parameter a is given twice; give it once.");
  CHECK(bad("=1") == "A parameter of the query has no name; write name=value.");
  for (const std::string text : {"a=%00", "a=%0d%0a", "a=%7f", "%1b=1"}) {
    CHECK(bad(text) == "The query holds a control character; leave it out.");
  }
  for (const std::string text : {"a=%ff", "a=%C3", "a=%c0%af", "a=%ed%a0%80"}) {
    CHECK(bad(text) == "The query is not UTF-8; encode it so.");
  }
}

TEST_CASE("the query of a target stands behind its first question mark") {
  CHECK(query_of("/a?b=1?c") == "b=1?c");
  CHECK(query_of("/a?").empty());
  CHECK(query_of("/a").empty());
}

TEST_CASE("moments are dates, times, and how long ago") {
  CHECK(moment("2026-01-02") == "2026-01-02T00:00:00.000000Z");
  CHECK(moment("2026-01-02T03:04:05Z") == "2026-01-02T03:04:05.000000Z");
  CHECK(moment("2026-01-02t03:04:05.5z") == "2026-01-02T03:04:05.500000Z");
  CHECK(moment("2026-01-02T03:04:05.123456789Z") == "2026-01-02T03:04:05.123456Z");
  CHECK(moment("2026-01-02T03:04:05+02:30") == "2026-01-02T00:34:05.000000Z");
  CHECK(moment("2026-01-02T03:04:05-01:00") == "2026-01-02T04:04:05.000000Z");
  CHECK(moment("2026-01-02T03:04:05") == "2026-01-02T03:04:05.000000Z");
  CHECK(moment("2026-01-02T03:04Z") == "2026-01-02T03:04:00.000000Z");
  CHECK(moment("1w") == "2025-12-26T03:04:05.000000Z");
  CHECK(moment("5s") == "2026-01-02T03:04:00.000000Z");
  CHECK(moment("4m") == "2026-01-02T03:00:05.000000Z");
  CHECK(moment("3h") == "2026-01-02T00:04:05.000000Z");
  CHECK(moment("1d") == "2026-01-01T03:04:05.000000Z");
  CHECK(moment(format_rfc3339(now)) == format_rfc3339(now));
}

TEST_CASE("what is no moment is none") {
  for (const char* text : {"",
                           "x",
                           "5",
                           "s",
                           "-5m",
                           "1.5h",
                           "9999999d",
                           "2026",
                           "2026-13-01",
                           "2026-02-30",
                           "2026-1-2",
                           "2026-01-02T",
                           "2026-01-02T25:00:00Z",
                           "2026-01-02T03:60:00Z",
                           "2026-01-02T03:4Z",
                           "2026-01-02T03:04:05.Z",
                           "2026-01-02T03:04:05ZZ",
                           "2026-01-02T03:04:05+2:00",
                           "2026-01-02 ",
                           "1969-01-01",
                           "5 m",
                           "yesterday"}) {
    CAPTURE(text);
    CHECK(moment(text) == "none");
  }
}
