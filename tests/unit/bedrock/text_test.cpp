#include "bedrock/text.h"

#include <string>

#include "bedrock/fields.h"
#include "catch.h"

using namespace borehole::bedrock;

TEST_CASE("percent coding is undone once and done in upper case") {
  CHECK(percent_decode("a%3Ab%3ac%253A") == "a:b:c%3A");
  CHECK(percent_decode("%") == "%");
  CHECK(percent_decode("%4") == "%4");
  CHECK(percent_decode("%4g%41") == "%4gA");
  CHECK(percent_decode("a+b") == "a+b");
  CHECK(percent_decode("%00") == std::string(1, '\0'));
  std::string out;
  append_percent_encoded(out, "a/b:~\xff", true);
  append_percent_encoded(out, "/", false);
  CHECK(out == "a/b%3A~%FF%2F");
}

TEST_CASE("base64 is read in both alphabets, padded or not, and nothing else is") {
  CHECK(base64_decode("") == "");
  CHECK(base64_decode("aGk=") == "hi");
  CHECK(base64_decode("aGk") == "hi");
  CHECK(base64_decode("+/+/") == "\xfb\xff\xbf");
  CHECK(base64_decode("-_-_") == "\xfb\xff\xbf");
  CHECK(!base64_decode("a"));
  CHECK(!base64_decode("aG k"));
  CHECK(!base64_decode("aG=k"));
}

TEST_CASE("decimal numbers are whole") {
  CHECK(parse_decimal("0") == 0u);
  CHECK(parse_decimal("18446744073709551615") == 18446744073709551615u);
  for (const char* text : {"", "18446744073709551616", "-1", "+1", " 1", "1 ", "1.0", "x"}) {
    CAPTURE(text);
    CHECK(!parse_decimal(text));
  }
}

TEST_CASE("a target is split into path and query, whatever its form") {
  const struct {
    const char* target;
    const char* path;
    const char* query;
  } cases[] = {
      {"/a?b?c", "/a", "b?c"}, {"/a", "/a", ""},         {"http://h:1/a?b", "/a", "b"},
      {"https://h", "", ""},   {"https://h?q", "", "q"}, {"/x://y?z", "/x://y", "z"},
      {"/a#f?g", "/a", ""},    {"*", "*", ""},           {"", "", ""},
  };
  for (const auto& expected : cases) {
    CAPTURE(expected.target);
    const auto [path, query] = split_target(expected.target);
    CHECK(path == expected.path);
    CHECK(query == expected.query);
  }
}

TEST_CASE("fields are found by name in any case, the first of several, without blanks") {
  const Field fields[] = {{"X-A", " 1 "}, {"x-a", "2"}, {"X-Empty", ""}};
  CHECK(find_field(fields, "x-A") == "1");
  CHECK(find_field(fields, "x-empty") == "");
  CHECK(!find_field(fields, "x"));
}
