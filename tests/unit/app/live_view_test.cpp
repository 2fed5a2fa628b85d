#include "app/live_view.h"

#include <chrono>
#include <string>

#include "catch.h"

using namespace borehole;
using app::LiveView;
using std::chrono::seconds;

namespace {

bedrock::JsonValue json(const std::string& text) {
  const auto value = bedrock::JsonValue::parse(text);
  REQUIRE(value);
  return *value;
}

bedrock::JsonValue start(const std::string& id) {
  return json(R"({"id":")" + id + R"(","operation":"ConverseStream","model_id":"nova"})");
}

bedrock::JsonValue delta(const std::string& id, const std::string& text, const std::string& kind = "text",
                         int block = 0) {
  return json(R"({"id":")" + id + R"(","block":)" + std::to_string(block) + R"(,"kind":")" + kind +
              R"(","name":"search","text":")" + text + "\"}");
}

}  // namespace

TEST_CASE("a lone call on a terminal: its words below its head line, as they come") {
  LiveView view(true, false);
  view.started(start("01AAAAAA"));
  CHECK(view.delta(delta("01AAAAAA", "Bore"), {}) == "> 01AAAAAA ConverseStream nova\nBore");
  CHECK(view.delta(delta("01AAAAAA", "hole\\nis\\u001b[2J"), {}) == "hole\nis\\x1b[2J");
  CHECK(view.delta(delta("01AAAAAA", "{\\\"q\\\":1}", "tool_use", 1), {}) == "\n[tool search] {\"q\":1}");
  CHECK(view.ended("01AAAAAA") == "\n");
  CHECK(view.ended("01AAAAAA").empty());
  CHECK(view.own_line().empty());
}

TEST_CASE("several calls on a terminal are told apart by lines, until all have ended") {
  LiveView view(true, false);
  for (const char* id : {"01AAAAAA", "01BBBBBB"}) view.started(start(id));
  view.delta(delta("01AAAAAA", "one "), {});
  CHECK(view.delta(delta("01BBBBBB", "other\\nline"), {}) == "\n> 01BBBBBB ConverseStream nova\nBBBBBB | other\n");
  CHECK(view.delta(delta("01AAAAAA", "two"), {}).empty());
  CHECK(view.ended("01BBBBBB") == "BBBBBB | line\n");
  CHECK(view.delta(delta("01AAAAAA", "\\n"), {}) == "AAAAAA | two\n");
  CHECK(view.ended("01AAAAAA").empty());
  view.started(start("01CCCCCC"));
  CHECK(view.delta(delta("01CCCCCC", "free"), {}).ends_with("\nfree"));
}

TEST_CASE("elsewhere there are only lines; one that waits is given in time, cut at a blank") {
  LiveView view(false, false);
  view.started(start("01AAAAAA"));
  const TimePoint t0{};
  CHECK(view.delta(delta("01AAAAAA", "some wor"), t0) == "> 01AAAAAA ConverseStream nova\n");
  CHECK(view.overdue(t0 + seconds(0)).empty());
  CHECK(view.overdue(t0 + seconds(1)) == "AAAAAA | some\n");
  CHECK(view.delta(delta("01AAAAAA", "ds\\n"), t0 + seconds(1)) == "AAAAAA | words\n");
  const std::string longer = view.delta(delta("01AAAAAA", std::string(190, 'x') + " " + std::string(20, 'y')), t0);
  CHECK(longer == "AAAAAA | " + std::string(190, 'x') + "\n");
  CHECK(view.lost(json(R"({"id":"01AAAAAA","reason":"too long"})")) ==
        "AAAAAA | " + std::string(20, 'y') + "\nAAAAAA | [too long]\n");
  CHECK(view.delta(delta("01AAAAAA", "more"), t0).empty());
}
