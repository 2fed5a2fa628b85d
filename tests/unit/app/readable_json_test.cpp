#include "app/readable_json.h"

#include <algorithm>
#include <string>

#include "catch.h"

using borehole::app::readable;

namespace {

// Blanks outside of strings are the layout's; all else must be as it was.
std::string without_layout(const std::string& json) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string && c == '\\' && i + 1 < json.size()) {
      out += c;
      out += json[++i];
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) out += c;
  }
  return out;
}

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  return text;
}

bool holds_control(const std::string& text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F; });
}

const std::string record = R"({"id":"01J","status":200,"ratio":1.5e-3,"flags":[true,false,null],)"
                           R"("headers":[["host","a"],["x","say \"hi\" \\ {[,:]}"]],"none":{},"empty":[],)"
                           R"("deep":{"a":[{"b":[[1,2],[3]]},"c  d"]},"text":"\u001b[31m \n é"})";

}  // namespace

TEST_CASE("a record is laid out, and stays the same JSON") {
  CHECK(without_layout(readable(record)) == record);
  CHECK(readable(record).find("\n  \"status\": 200,\n") != std::string::npos);
  CHECK(readable(record).find("\n    [\"host\",\"a\"],\n") != std::string::npos);  // name and value on one line
  CHECK(readable(R"({"a":{"b":1}})") == "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n");
  CHECK(readable("{}") == "{}\n");
  CHECK(readable(" { \"a\" : 1 } ") == "{\n  \"a\": 1 \n}\n");
}

TEST_CASE("a body that holds JSON is opened up") {
  CHECK(readable(R"({"body":"{\"a\":\"x \\\"y\\\" \\n z\"}","next":1})") ==
        "{\n  \"body\": {\n    \"a\": \"x \\\"y\\\" \\n z\"\n  },\n  \"next\": 1\n}\n");
  const std::string blanks = R"({"body":"{\r\n\t\"a\":\r\n 1,\r\n\"b\":{}\r\n}"})";
  CHECK(readable(blanks) == readable(R"({"body":"{\"a\":1,\"b\":{}}"})"));
  SECTION("only where the name is body") {
    const std::string other = R"({"text":"{\"a\":1}"})";
    CHECK(without_layout(readable(other)) == other);
  }
  SECTION("a text stays a text") {
    const std::string text = R"({"body":"hello {\"a\":1}"})";
    CHECK(without_layout(readable(text)) == text);
  }
  SECTION("nor is half of it opened") {
    for (const std::string text : {R"({"body":"{\"a\":1}\n{\"b\":2}"})", R"({"body":"[ERROR] no model"})"}) {
      CAPTURE(text);
      CHECK(without_layout(readable(text)) == text);
    }
  }
  SECTION("one that was cut is shown as far as it goes") {
    const std::string out = readable(R"({"body":"{\"a\":1,\"b\":\"cu","next":1})");
    CHECK(out.find("\"a\": 1") != std::string::npos);
    CHECK(out.find("\"b\": \"cu") != std::string::npos);
    CHECK(out.find("\"next\": 1") != std::string::npos);
  }
}

TEST_CASE("an escaped control character of a body stays escaped") {
  const std::string out = readable(R"({"body":"{\"a\":\"\u001b[31m\\u001b \u0007\"}","b":"\u001b"})") +
                          readable(R"({"body":"{\"a\":\"raw\rreturn\"}\r"})");
  CHECK_FALSE(holds_control(out));
  CHECK(out.find("\\u001b[31m\\u001b \\u0007") != std::string::npos);
}

TEST_CASE("what is no JSON comes to an end, and loses nothing") {
  for (std::size_t size = 0; size <= record.size(); ++size) {
    const std::string cut = record.substr(0, size);
    CAPTURE(cut);
    CHECK(without_blanks(readable(cut)) == without_blanks(cut));
  }
  for (const char wrong : std::string("{}[]\",:\\x")) {
    for (std::size_t at = 0; at < record.size(); ++at) {
      std::string bent = record;
      bent[at] = wrong;
      CAPTURE(bent);
      REQUIRE(without_blanks(readable(bent)) == without_blanks(bent));
    }
  }
}

TEST_CASE("nesting is bounded, not the text") {
  for (const char* unit : {"[", "{", "[[1],", "{\"a\":", "]", "}"}) {
    std::string deep;
    for (int i = 0; i < 20'000; ++i) deep += unit;
    CAPTURE(unit);
    const bool same = without_blanks(readable(deep)) == deep;
    CHECK(same);
  }
}
