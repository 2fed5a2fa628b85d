#include "base/pattern.h"

#include <chrono>
#include <string>

#include "catch.h"

using borehole::Pattern;
using borehole::TextSpan;

TEST_CASE("a pattern finds what it says, from where it is told to") {
  const auto pattern = Pattern::compile("TICKET-[0-9]{6}");
  REQUIRE(pattern);
  const std::string text = "a TICKET-123456 b TICKET-654321";
  CHECK(pattern->find(text, 0) == TextSpan{2, 15});
  CHECK(pattern->find(text, 15) == TextSpan{18, 31});
  CHECK(!pattern->find(text, 31));
  CHECK(!pattern->find("", 0));
}

TEST_CASE("what is no pattern, or matches everywhere, is refused with a sentence") {
  for (const std::string_view wrong : {"", "(", "(?=look)", "(a)\\1", "a*", "$", "\\b"}) {
    CAPTURE(wrong);
    const auto compiled = Pattern::compile(wrong);
    REQUIRE(!compiled);
    CHECK(compiled.error().find(": ") != std::string::npos);
  }
  CHECK(!Pattern::compile(std::string(5000, 'a')));
}

TEST_CASE("a pattern that would make others backtrack without end takes time in proportion to the text") {
  const auto pattern = Pattern::compile("(a+)+(a|aa)*(b|c)+$x");
  const auto nested = Pattern::compile("(x+x+)+y");
  REQUIRE(pattern);
  REQUIRE(nested);
  const std::string text(1 << 20, 'a');
  const std::string crosses(1 << 20, 'x');
  const auto begin = std::chrono::steady_clock::now();
  CHECK(!pattern->find(text, 0));
  CHECK(!nested->find(crosses, 0));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));  // backtracking: longer than the universe
}
