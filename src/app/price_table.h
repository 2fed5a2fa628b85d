// The table of prices that the configuration names. Never changes its file, and prints nothing.
#pragma once

#include <memory>
#include <vector>

#include "bedrock/price.h"
#include "config/config.h"
#include "config/load.h"

namespace borehole::app {

struct LoadedPriceTable {
  std::shared_ptr<const bedrock::PriceTable> table;  // null where the configuration names none, or there are problems
  std::vector<config::Problem> problems;
};

LoadedPriceTable load_price_table(const config::Config& config);

}  // namespace borehole::app
