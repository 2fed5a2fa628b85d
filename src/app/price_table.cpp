#include "app/price_table.h"

#include <optional>
#include <string>
#include <utility>

#include "config/prices.h"

namespace borehole::app {

namespace {

bedrock::ModelPrice to_price(const config::PriceEntry& entry) {
  const auto of = [&](const std::string& name) -> std::optional<bedrock::Picodollars> {
    const auto found = entry.picodollars.find(name);
    return found == entry.picodollars.end() ? std::nullopt : std::optional(found->second);
  };
  const auto tokens = [&](const std::string& prefix) {
    return bedrock::TokenPrices{of(prefix + "input"), of(prefix + "output"), of(prefix + "cache_read"),
                                of(prefix + "cache_write"), of(prefix + "cache_write_1h")};
  };
  bedrock::ModelPrice price;
  price.standard = tokens("");
  price.batch = tokens("batch_");
  if (of("long_input")) price.long_prompt = tokens("long_");
  price.image = of("image");
  return price;
}

}  // namespace

LoadedPriceTable load_price_table(const config::Config& config) {
  if (!config.prices) return {};
  config::LoadedPrices loaded = config::load_prices(*config.prices);
  if (!loaded.problems.empty()) return {nullptr, std::move(loaded.problems)};
  auto table = std::make_shared<bedrock::PriceTable>();
  for (const auto& entry : loaded.list.entries) table->add(entry.service, entry.region, entry.model, to_price(entry));
  return {std::move(table), {}};
}

}  // namespace borehole::app
