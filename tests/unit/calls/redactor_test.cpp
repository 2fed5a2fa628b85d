#include "calls/redactor.h"

#include <algorithm>

#include "bedrock/json_view.h"
#include "bedrock/text.h"
#include "catch.h"

using namespace borehole;
using namespace borehole::calls;

namespace {

RedactionRules rules_of(std::initializer_list<std::string_view> paths,
                        std::initializer_list<std::string_view> regexes = {}, bool builtin = false) {
  RedactionRules rules;
  for (const auto path : paths) rules.paths.push_back(*JsonPath::parse(path));
  for (const auto regex : regexes)
    rules.patterns.push_back({"p" + std::to_string(rules.patterns.size()), *Pattern::compile(regex)});
  rules.email = rules.card = rules.aws_key = builtin;
  return rules;
}

std::string cleaned(const RedactionRules& rules, std::string body, bool truncated = false) {
  Redactor redactor(rules);
  const auto why = redactor.clean_body(body, truncated);
  return why ? "withheld: " + std::string(*why) : body;
}

using Counts = std::vector<std::pair<std::string, std::uint64_t>>;

}  // namespace

TEST_CASE("without rules a body stays what it was") {
  const RedactionRules none;
  CHECK(none.nothing());
  CHECK(cleaned(none, "\xff\x00jane@example.com") == "\xff\x00jane@example.com");
}

TEST_CASE("patterns are found in the texts of JSON, however they are written, and JSON stays JSON") {
  const auto rules = rules_of({}, {"TICKET-[0-9]{6}"}, true);
  CHECK(cleaned(rules, R"({"a":"TICKET-123456 from jane@example.com"})") == R"({"a":"*** from ***"})");
  CHECK(cleaned(rules, R"({"a":"\u0054ICKET-12345\u0036\n\"x\""})") == R"({"a":"***\n\"x\""})");
  CHECK(cleaned(rules, R"({"jane@example.com":[4111111111111111,17]})") == R"({"***":["***",17]})");
  CHECK(cleaned(rules, R"({"SecretAccessKey":"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"})") ==
        R"({"SecretAccessKey":"***"})");
  CHECK(cleaned(rules, R"({"a":1.0})") == R"({"a":1.0})");
}

TEST_CASE("escapes inside of texts hide nothing") {
  const auto rules = rules_of({}, {}, true);
  // A tool's input: JSON in a text, and JSON in a text in it.
  CHECK(cleaned(rules, R"({"input":"{\"mail\":\"jane\\u0040example.com\"}"})") == R"({"input":"{\"mail\":\"***\"}"})");
  const std::string deep = cleaned(rules, R"({"input":"{\"a\":\"{\\\"m\\\":\\\"jane\\\\u0040example.com\\\"}\"}"})");
  CHECK(deep.find("jane") == std::string::npos);
  CHECK(bedrock::JsonDocument(deep).root());
  CHECK(cleaned(rules, R"({"url":"https://x/?a=1&m=jane%40example.com&z=2"})") ==
        R"({"url":"https://x/?a=1&***&z=2"})");
  // An escape before what is found is not divided.
  CHECK(cleaned(rules, R"({"input":"{\"m\":\"x\\njane@example.com\"}"})") == R"({"input":"{\"m\":\"x***\"}"})");
}

TEST_CASE("base64 of a text is looked into, and stays base64") {
  const auto rules = rules_of({"$..ssn"}, {}, true);
  const std::string inside = bedrock::base64_encode(R"({"ssn":"123","m":"to jane@example.com"})");
  const std::string out = cleaned(rules, R"({"document":{"source":{"bytes":")" + inside + R"("}}})");
  bedrock::JsonDocument json(out);
  REQUIRE(json.root());
  const auto bytes = bedrock::json_string(*json.root(), "document/source/bytes");
  REQUIRE(bytes);
  CHECK(bedrock::base64_decode(*bytes) == R"({"ssn":"***","m":"to ***"})");
  const std::string url =
      cleaned(rules, R"(["data:text/plain;base64,)" + bedrock::base64_encode("is jane@example.com") + R"("])");
  CHECK(url == R"(["data:text/plain;base64,)" + bedrock::base64_encode("is ***") + R"("])");
  const std::string image = bedrock::base64_encode(std::string("\x89PNG\r\n\x1a\n\0\0jane@example.com", 26));
  CHECK(cleaned(rules, "[\"" + image + "\"]") == "[\"" + image + "\"]");
}

TEST_CASE("paths hide values, also in JSON that a text holds where they begin with two dots") {
  const auto rules = rules_of({"$.inputText", "$..password"});
  CHECK(cleaned(rules, R"({"inputText":"x","other":{"password":{"a":[1]}}})") ==
        R"({"inputText":"***","other":{"password":"***"}})");
  CHECK(cleaned(rules, R"({"input":"{\"password\":\"p\",\"inputText\":\"y\"}"})") ==
        R"({"input":"{\"password\":\"***\",\"inputText\":\"y\"}"})");
}

TEST_CASE("a body that is no JSON is searched as a text, or not kept where a path should be looked for") {
  CHECK(cleaned(rules_of({}, {}, true), "mail=jane%40example.com&x") == "***&x");
  CHECK(cleaned(rules_of({}, {}, true), "{'a': 'jane@example.com") == "{'a': ***");
  CHECK(cleaned(rules_of({"$.a"}), "<html>a</html>").starts_with("withheld: it is not JSON"));
  CHECK(cleaned(rules_of({"$.a"}), std::string(2000, '[')).starts_with("withheld: it is not JSON"));
  CHECK(cleaned(rules_of({}, {}, true), "\xff\xfe{\0").starts_with("withheld: it is not text"));
}

TEST_CASE("of a body that was cut, nothing of a hidden value is left, wherever the cut is") {
  const auto rules = rules_of({"$.s"}, {}, true);
  const std::string padding(300, '-');
  const std::string json = R"({"s":"PATHVALUE","m":")" + padding + R"( jane.doe@example.com 4111 1111 1111 1111"})";
  for (std::size_t size = 1; size < json.size(); ++size) {
    const std::string out = cleaned(rules, json.substr(0, size), true);
    CAPTURE(size, out);
    CHECK(out.find("PA") == std::string::npos);
    CHECK(out.find("jan") == std::string::npos);
    CHECK(out.find("411") == std::string::npos);
  }
  const std::string text = cleaned(rules_of({}, {}, true), "plain, " + padding + " jane.do", true);
  CHECK(text.find("jane") == std::string::npos);
}

TEST_CASE("what was hidden is counted by rule") {
  const auto rules = rules_of({"$.p"}, {"[0-9]{3}-x"}, true);
  Redactor redactor(rules);
  std::string body = R"({"p":1,"a":"b@c.de, d@e.fr","b":"123-x","c":"4111111111111111"})";
  CHECK(!redactor.clean_body(body, false));
  CHECK(redactor.counts() == Counts{{"email", 2}, {"card", 1}, {"p0", 1}, {"$.p", 1}});
  std::string key = "AKIAIOSFODNN7EXAMPLE";
  CHECK(!redactor.clean_but_aws_keys(key));
  CHECK(redactor.clean(key));
  CHECK(key == "***");
}

TEST_CASE("a pattern that matches the mask itself is not looked for in it") {
  const auto rules = rules_of({}, {".+"});
  Redactor redactor(rules);
  std::string text = "a\nb";
  CHECK(redactor.clean(text));
  CHECK(text == "***\n***");
  CHECK(!redactor.clean(text));
}

TEST_CASE("a record may take its time and no more") {
  auto rules = rules_of({}, {"a[^b]*b|a"});  // each search goes to the end of the text, and there are as many as octets
  rules.most_time = std::chrono::milliseconds(50);
  Redactor redactor(rules);
  std::string text(std::size_t{4} << 20, 'a');
  const auto begin = std::chrono::steady_clock::now();
  CHECK_THROWS_AS(redactor.clean(text), OutOfTime);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

TEST_CASE("which bodies are kept is told by the first rule that fits") {
  RedactionRules rules;
  rules.keep = BodyKeep::kept;
  rules.bodies = {{"anthropic.*haiku*", "", BodyKeep::off},
                  {"anthropic.*", "/a/", BodyKeep::hashed},
                  {"", "/b/", BodyKeep::off},
                  {"*", "/c/", BodyKeep::hashed}};
  CHECK(!rules.nothing());
  CHECK(rules.keep_of("anthropic.claude-3-haiku-20240307-v1:0", "/a/") == BodyKeep::off);
  CHECK(rules.keep_of("us.anthropic.claude-3-haiku-20240307-v1:0", "/") == BodyKeep::off);
  CHECK(rules.keep_of("anthropic.claude-3-opus-20240229-v1:0", "/a/") == BodyKeep::hashed);
  CHECK(rules.keep_of("amazon.nova-lite-v1:0", "/a/") == BodyKeep::kept);
  CHECK(rules.keep_of("", "/b/") == BodyKeep::off);
  CHECK(rules.keep_of("", "/c/") == BodyKeep::kept);
  CHECK(rules.keep_of("x", "/c/") == BodyKeep::hashed);
}
