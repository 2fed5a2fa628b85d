// What record.redact and record.bodies may say: each mistake has its own place, and all of them are told at once.
#include "catch.h"
#include "fixture.h"

using namespace borehole::config;
using Texts = std::vector<std::string>;

TEST_CASE("all mistakes of the keys of redaction are told at once, each with its place") {
  Fixture fixture;
  const auto problems = fixture.problems(R"(record:
  bodies:
    rules:
      - {modle: "a", keep: off}
      - {model: "a b", keep: hashed}
  redact:
    json_paths: ["$.a[1:2]", $.ok]
    patterns:
      - {name: email, regex: a}
      - {name: two, regex: "x*"}
      - {name: three, regex: "a"}
      - {name: three, regex: "b"}
      - {name: four, regex: "b", flags: i}
)");
  const Texts beginnings{
      "4:10: unknown key 'modle'; did you mean 'model'?",
      "4:9: record.bodies.rules[0] must name a model or a router",
      "5:17: record.bodies.rules[1].model ('a b') must be a model's id",
      "7:18: record.redact.json_paths[0] ('$.a[1:2]') has something at character 6 that is not known here: there are "
      "$,",
      "9:16: record.redact.patterns[0].name ('email') is the name of a rule that is built in: choose another",
      "10:28: record.redact.patterns[1].regex ('x*') matches the empty text",
      "12:9: record.redact.patterns[3] has a name that another pattern already has: give each its own",
      "13:34: unknown key 'flags': a pattern has name, regex"};
  for (const auto& beginning : beginnings) {
    CAPTURE(beginning, problems);
    CHECK(std::count_if(problems.begin(), problems.end(), [&](const auto& p) { return p.starts_with(beginning); }) ==
          1);
  }
  CHECK(problems.size() == beginnings.size());
}

TEST_CASE("a pattern that RE2 does not know is told with what is wrong in it") {
  Fixture fixture;
  const auto problems = fixture.problems("record: {redact: {patterns: [{name: a, regex: \"(?=b)\"}]}}");
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].starts_with(
      "1:47: record.redact.patterns[0].regex ('(?=b)') is no regular expression that RE2 knows ("));
}
