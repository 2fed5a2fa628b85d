#include "base/json_path.h"

#include "catch.h"

using borehole::JsonPath;
using borehole::JsonPathStates;
using Kind = JsonPath::Step::Kind;

TEST_CASE("a path is read into its steps") {
  const auto path = JsonPath::parse("$.messages[*]['a \\'b'][3]..text..[\"x\\u00e9\"].*");
  REQUIRE(path);
  const std::vector<JsonPath::Step> steps{{Kind::name, false, "messages", 0}, {Kind::any, false, "", 0},
                                          {Kind::name, false, "a 'b", 0},     {Kind::index, false, "", 3},
                                          {Kind::name, true, "text", 0},      {Kind::name, true, "x\xc3\xa9", 0},
                                          {Kind::any, false, "", 0}};
  CHECK(path->steps == steps);
  CHECK(JsonPath::parse("$")->steps.empty());
  CHECK(JsonPath::parse("$..*")->steps.size() == 1);
  CHECK(JsonPath::parse("$[ 'a' ]")->steps.size() == 1);
}

TEST_CASE("what is not known of paths is told, with what is") {
  for (const std::string_view wrong :
       {"", "messages", "$messages", "$.", "$..", "$[", "$[-1]", "$[1:2]", "$['a','b']", "$[?@.a]", "$.a-b", "$['a",
        "$['\\x']", "$. a", "$.1", "$[1 2]", "$.a.", "$[*"}) {
    CAPTURE(wrong);
    const auto path = JsonPath::parse(wrong);
    REQUIRE(!path);
    CHECK(path.error().find(':') != std::string::npos);
  }
  std::string long_one = "$";
  for (int i = 0; i < 64; ++i) long_one += ".a";
  CHECK(!JsonPath::parse(long_one));
}

TEST_CASE("paths are followed from level to level, and back") {
  const std::vector<JsonPath> paths{*JsonPath::parse("$.a[1].b"), *JsonPath::parse("$..c"), *JsonPath::parse("$..d.e")};
  JsonPathStates states(paths, false);
  states.enter_member("a");
  CHECK(states.ends_here() == JsonPathStates::none);
  states.enter_element(1);
  states.enter_member("b");
  CHECK(states.ends_here() == 0);
  states.leave();
  states.enter_member("c");
  CHECK(states.ends_here() == 1);
  states.enter_member("d");
  states.enter_member("x");
  CHECK(states.ends_here() == JsonPathStates::none);
  states.leave();
  states.enter_member("e");
  CHECK(states.ends_here() == 2);

  JsonPathStates inside(paths, true);
  inside.enter_member("a");
  inside.enter_element(1);
  inside.enter_member("b");
  CHECK(inside.ends_here() == JsonPathStates::none);
  inside.enter_member("c");
  CHECK(inside.ends_here() == 1);
}
