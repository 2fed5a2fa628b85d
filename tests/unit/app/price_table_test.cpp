#include "app/price_table.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "catch.h"
#include "config/prices.h"

namespace borehole::app {

namespace {

LoadedPriceTable load(const std::string& yaml) {
  const auto file = std::filesystem::temp_directory_path() / ("borehole-prices-" + std::to_string(getpid()) + ".yaml");
  std::ofstream(file, std::ios::binary) << yaml;
  config::Config config;
  config.prices = file.string();
  auto loaded = load_price_table(config);
  std::filesystem::remove(file);
  return loaded;
}

}  // namespace

TEST_CASE("every price that a file may hold is the one that is charged", "[price_table]") {
  std::string yaml = "models:\n  m.m:\n";
  for (std::size_t i = 0; i < config::price_names.size(); ++i) {
    yaml += "    " + std::string(config::price_names[i]) + ": " + std::to_string(i + 1) + "\n";
  }
  const LoadedPriceTable loaded = load(yaml);
  CHECK(loaded.problems.empty());
  REQUIRE(loaded.table != nullptr);
  const bedrock::ModelPrice* const price = loaded.table->find("bedrock-runtime", "us-east-1", "m.m");
  REQUIRE(price != nullptr);
  const auto is = [](const std::optional<bedrock::Picodollars>& amount, std::string_view name) {
    for (std::size_t i = 0; i < config::price_names.size(); ++i) {
      if (config::price_names[i] == name)
        return amount == (i + 1) * (name == "image" ? 1'000'000'000'000U : 1'000'000U);
    }
    return false;
  };
  const auto all = [&](const bedrock::TokenPrices& prices, const std::string& prefix) {
    CHECK(is(prices.input, prefix + "input"));
    CHECK(is(prices.output, prefix + "output"));
    if (prefix == "batch_") return;
    CHECK(is(prices.cache_read, prefix + "cache_read"));
    CHECK(is(prices.cache_write, prefix + "cache_write"));
    CHECK(is(prices.cache_write_1h, prefix + "cache_write_1h"));
  };
  all(price->standard, "");
  all(price->batch, "batch_");
  REQUIRE(price->long_prompt);
  all(*price->long_prompt, "long_");
  CHECK(is(price->image, "image"));
}

TEST_CASE("without prices there is no table, and with wrong ones there is none to go on with", "[price_table]") {
  const LoadedPriceTable none = load_price_table(config::Config{});
  CHECK(none.table == nullptr);
  CHECK(none.problems.empty());
  const LoadedPriceTable wrong = load("models: {m: {input: free}}\n");
  CHECK(wrong.table == nullptr);
  CHECK(wrong.problems.size() == 1);
}

}  // namespace borehole::app
