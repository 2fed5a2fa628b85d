#include "config/prices.h"

#include <algorithm>
#include <string>
#include <vector>

#include "catch.h"
#include "fixture.h"

using namespace borehole::config;

namespace {

LoadedPrices read(const std::string& yaml) {
  const Fixture fixture;
  return load_prices(fixture.write("conf/prices.yaml", yaml));
}

std::vector<std::string> problems(const std::string& yaml) {
  std::vector<std::string> texts;
  for (const Problem& problem : read(yaml).problems) {
    texts.push_back(std::to_string(problem.line) + ":" + std::to_string(problem.column) + ": " + problem.message);
  }
  return texts;
}

const PriceEntry* find(const PriceList& list, const std::string& service, const std::string& region,
                       const std::string& model) {
  const auto found = std::find_if(list.entries.begin(), list.entries.end(), [&](const PriceEntry& entry) {
    return entry.service == service && entry.region == region && entry.model == model;
  });
  return found == list.entries.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("prices are read exactly", "[prices]") {
  const auto loaded = read(
      "as_of: 2026-07-24\n"
      "models:\n"
      "  a.b-v1:0: {input: 3, output: 0.000001, cache_read: 0.30, image: 0.00006}\n"
      "regions:\n"
      "  eu-west-1:\n"
      "    a.b-v1:0: {input: 1000000}\n"
      "services:\n"
      "  bedrock-mantle:\n"
      "    a.b: {long_input: 2.1875, batch_output: 0.485}\n");
  CHECK(loaded.problems.empty());
  CHECK(loaded.list.as_of == "2026-07-24");
  REQUIRE(loaded.list.entries.size() == 3);
  const PriceEntry* entry = find(loaded.list, "", "", "a.b-v1:0");
  REQUIRE(entry != nullptr);
  CHECK(entry->picodollars == std::map<std::string, std::uint64_t>{
                                  {"input", 3'000'000}, {"output", 1}, {"cache_read", 300'000}, {"image", 60'000'000}});
  entry = find(loaded.list, "", "eu-west-1", "a.b-v1:0");
  REQUIRE(entry != nullptr);
  CHECK(entry->picodollars.at("input") == 1'000'000'000'000);
  entry = find(loaded.list, "bedrock-mantle", "", "a.b");
  REQUIRE(entry != nullptr);
  CHECK(entry->picodollars ==
        std::map<std::string, std::uint64_t>{{"long_input", 2'187'500}, {"batch_output", 485'000}});
}

TEST_CASE("an empty file holds no prices", "[prices]") {
  CHECK(problems("").empty());
  CHECK(problems("# nothing\n").empty());
  CHECK(problems("models: {}\n").empty());
}

TEST_CASE("every mistake in a file of prices is named with its place", "[prices]") {
  const std::string wanted = " must be US dollars with at most 6 decimals, such as 0.25";
  CHECK(problems("models:\n  a: {input: 1e-5}\n  b: {output: -1}\n") ==
        std::vector<std::string>{"2:14: models.a.input ('1e-5')" + wanted, "3:15: models.b.output ('-1')" + wanted});
  for (const char* bad : {"0.0000001", "1.", ".5", "1,5", "12345678", "1000001", "free", "1.2.3", "\"\""}) {
    CAPTURE(bad);
    CHECK(problems(std::string("models:\n  a: {input: ") + bad + "}\n").size() == 1);
  }
  CHECK(problems("models:\n  a: {input: }\n").size() == 1);
  CHECK(
      problems("models:\n  a: {inputs: 1}\n") ==
      std::vector<std::string>{"2:7: inputs is not known: use input, output, cache_read, cache_write, cache_write_1h, "
                               "long_input, long_output, long_cache_read, long_cache_write, long_cache_write_1h, "
                               "batch_input, batch_output, image"});
  CHECK(problems("model: {}\n") ==
        std::vector<std::string>{"1:1: model is not known: use as_of, models, regions or services"});
  CHECK(problems("models: [a]\n") == std::vector<std::string>{"1:9: models must be a map of keys and values"});
  CHECK(problems("models: {a: 3}\n") == std::vector<std::string>{"1:13: models.a must be a map of keys and values"});
  CHECK(problems("models: {a: {input: 1}, a: {input: 2}}\n").size() == 1);
  CHECK(problems("models: {a\n").size() == 1);
  CHECK(load_prices("/nonexistent/prices.yaml").problems.size() == 1);
}

TEST_CASE("the prices that come with borehole are right in form", "[prices]") {
  const auto loaded = load_prices(BOREHOLE_CONF_DIR "/prices.yaml");
  for (const Problem& problem : loaded.problems) UNSCOPED_INFO(to_string(problem));
  CHECK(loaded.problems.empty());
  CHECK(loaded.list.as_of.size() == 10);
  CHECK(loaded.list.entries.size() > 300);
  const PriceEntry* entry = find(loaded.list, "", "", "anthropic.claude-3-haiku-20240307-v1:0");
  REQUIRE(entry != nullptr);
  CHECK(entry->picodollars.at("input") == 250'000);
  CHECK(entry->picodollars.at("output") == 1'250'000);
  for (const PriceEntry& one : loaded.list.entries) {
    CAPTURE(one.model);
    CHECK_FALSE(one.picodollars.empty());
    CHECK(one.model.find('/') == std::string::npos);
  }
}
