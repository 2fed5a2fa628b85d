#include "calls/json_rewriter.h"

#include <map>
#include <set>

#include "catch.h"

using namespace borehole;
using namespace borehole::calls;

namespace {

class Recorder final : public JsonVisitor {
 public:
  bool on_text(const ReadText& text, std::string& replacement) override {
    seen.emplace_back(text.text);
    if (text.kind != ReadText::Kind::key) places[std::string(text.text)] = text.place;
    members.emplace(text.text, text.member);
    if (text.cut) cut = text.text;
    if (!to_replace.contains(text.text)) return false;
    replacement = "<\n\"" + std::string(text.text) + ">";
    return true;
  }
  void on_hidden(std::size_t path) override { hidden.push_back(path); }
  std::vector<std::string> seen;
  std::map<std::string, std::uint64_t> places;
  std::multimap<std::string, std::string> members;
  std::set<std::string, std::less<>> to_replace;
  std::vector<std::size_t> hidden;
  std::string cut;
};

std::vector<JsonPath> paths_of(std::initializer_list<std::string_view> texts) {
  std::vector<JsonPath> paths;
  for (const auto text : texts) paths.push_back(*JsonPath::parse(text));
  return paths;
}

std::string rewritten(std::string_view json, const std::vector<JsonPath>& paths, JsonEnd expected = JsonEnd::whole) {
  Recorder visitor;
  std::string out;
  CHECK(JsonRewriter(json, paths, false, visitor).run(out) == expected);
  return out;
}

}  // namespace

TEST_CASE("what nothing changes is copied octet for octet") {
  for (const std::string_view json :
       {R"( { "a" : [ 1 , -2.50e+3, true,false , null, "\u0041\/\ud83d\ude00", {} , [ ] ] , "a":"" }
 )",
        "0", "\"x\"", "[]", "{}", "\xef\xbb\xbf{\"a\":1}", R"(["\ud800"])"}) {
    CAPTURE(json);
    CHECK(rewritten(json, {}) == json);
  }
}

TEST_CASE("texts come without escapes, and go back as JSON") {
  Recorder visitor;
  visitor.to_replace = {"k\"y", "v\xf0\x9f\x98\x80", "12"};
  std::string out;
  const std::string_view json = R"({"k\"y":"v\ud83d\ude00","n":12,"m":"\b\f\n\r\t\/\\"})";
  CHECK(JsonRewriter(json, {}, false, visitor).run(out) == JsonEnd::whole);
  CHECK(out ==
        "{\"<\\n\\\"k\\\"y>\":\"<\\n\\\"v\xf0\x9f\x98\x80>\",\"n\":\"<\\n\\\"12>\",\"m\":\"\\b\\f\\n\\r\\t\\/\\\\\"}");
  CHECK(visitor.seen.back() == "\b\f\n\r\t/\\");
  CHECK(visitor.members.find("12")->second == "n");
}

TEST_CASE("values at paths are hidden whole") {
  const auto paths = paths_of({"$.messages[*].content[*].text", "$..secret", "$['n']"});
  CHECK(rewritten(R"({"messages":[{"content":[{"text":"a","type":"b"},{"text":["x",{"y":1}]}]}],"n":5})", paths) ==
        R"({"messages":[{"content":[{"text":"***","type":"b"},{"text":"***"}]}],"n":"***"})");
  CHECK(rewritten(R"([{"secret": {"secret":1} , "b":null},"secret"])", paths) ==
        R"([{"secret": "***" , "b":null},"secret"])");
  CHECK(rewritten(R"({"se\u0063ret":"x"})", paths) == R"({"se\u0063ret":"***"})");
  CHECK(rewritten(R"({"a":1})", paths_of({"$"})) == R"("***")");
  CHECK(rewritten(R"({"a":{"b":"x"},"c":["y"]})", paths_of({"$..*"})) == R"({"a":"***","c":"***"})");
}

TEST_CASE("a text that is cut is rewritten as far as it goes, wherever the cut is") {
  const std::string json = R"({"a":"kept","s":{"b":"SECRET \u0041 SECRET"},"t":["SECRET"],"s":"SECRET","z":-1.5e3})";
  const auto paths = paths_of({"$.s", "$.t[0]"});
  for (std::size_t size = 0; size < json.size(); ++size) {
    const std::string out = rewritten(std::string_view(json).substr(0, size), paths, JsonEnd::cut);
    CAPTURE(size, out);
    CHECK(out.find("SE") == std::string::npos);
    CHECK(out.find("\\u00") == std::string::npos);
  }
}

TEST_CASE("a cut text says so, without half an escape") {
  for (const std::string_view end : {"", "\\", "\\u", "\\u00", "\\u004"}) {
    Recorder visitor;
    std::string out;
    const std::string json = R"({"a":"value)" + std::string(end);
    CHECK(JsonRewriter(json, {}, false, visitor).run(out) == JsonEnd::cut);
    CHECK(visitor.cut == "value");
  }
}

TEST_CASE("what is no JSON is told apart from what is cut") {
  for (const std::string_view json : {"x", "{a:1}", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "1 2", "[1]]", "\"\\x\"",
                                      "\"\t\"", "nul1", "[-]", "[1.]", "[.5]", "\"\\u00g0\"", "+1"}) {
    CAPTURE(json);
    rewritten(json, {}, JsonEnd::malformed);
  }
  const std::string deep(JsonRewriter::most_levels + 1, '[');
  rewritten(deep, {}, JsonEnd::too_deep);
  const std::string just = std::string(JsonRewriter::most_levels, '[') + std::string(JsonRewriter::most_levels, ']');
  rewritten(just, paths_of({"$..a"}));
}

TEST_CASE("places are the same in documents of the same shape") {
  Recorder a;
  Recorder b;
  std::string out;
  JsonRewriter(R"({"delta":{"text":"A"},"i":[1,"B"]})", {}, false, a).run(out);
  JsonRewriter(R"({"i":[2,"C"],"delta":{"x":1,"text":"D"}})", {}, false, b).run(out);
  CHECK(a.places["A"] == b.places["D"]);
  CHECK(a.places["B"] == b.places["C"]);
  CHECK(a.places["A"] != a.places["B"]);
}
