#include "bedrock/json_value.h"

#include "catch.h"

using borehole::bedrock::JsonValue;

TEST_CASE("members are found by path, with their types", "[json_value]") {
  const auto value =
      JsonValue::parse(R"({"a":{"b":[1,-2,1.5,"x",true,null]},"big":18446744073709551615,"a":"second","":{"k":"v"}})");
  REQUIRE(value);
  CHECK(value->count("a/b/0") == 1U);
  CHECK_FALSE(value->count("a/b/1"));
  CHECK(value->number("a/b/1") == -2.0);
  CHECK(value->number("a/b/2") == 1.5);
  CHECK(value->text("a/b/3") == "x");
  CHECK(value->flag("a/b/4") == true);
  CHECK(std::holds_alternative<std::nullptr_t>(value->at("a/b/5")->content()));
  CHECK(value->at("a/b/6") == nullptr);
  CHECK(value->at("a/b/x") == nullptr);
  CHECK(value->at("a/c") == nullptr);
  CHECK(value->at("a/b/0/c") == nullptr);
  CHECK(value->count("big") == 18446744073709551615U);
  CHECK(value->text("a/b").empty());
  CHECK(value->list("a/b").size() == 6);
  CHECK(value->list("a").empty());
  CHECK(value->object("a").size() == 1);
  CHECK(value->object("big").empty());
  CHECK(value->at("") == &*value);
}

TEST_CASE("what is no JSON gives nothing", "[json_value]") {
  for (const auto* text : {"", "{", "{} {}", "nul", "\"\\x\"", "\xff"}) {
    CAPTURE(text);
    CHECK_FALSE(JsonValue::parse(text));
  }
  CHECK_FALSE(JsonValue::parse(std::string(5000, '[') + std::string(5000, ']')));
}
