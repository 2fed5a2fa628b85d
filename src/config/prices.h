// Reads the file of prices (conf/prices.yaml); finds every problem at once. Never looks a price up, never rounds one.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace borehole::config {

// What may have a price. Those of tokens are written for a million of them.
inline constexpr std::array<std::string_view, 13> price_names{
    "input",       "output",          "cache_read",       "cache_write",         "cache_write_1h", "long_input",
    "long_output", "long_cache_read", "long_cache_write", "long_cache_write_1h", "batch_input",    "batch_output",
    "image"};

struct PriceEntry {
  std::string service, region;  // empty: any
  std::string model;
  std::map<std::string, std::uint64_t> picodollars;  // a price name → for one token, or one image
};

struct PriceList {
  std::string as_of;  // "2026-07-24"
  std::vector<PriceEntry> entries;
};

struct LoadedPrices {
  PriceList list;
  std::vector<Problem> problems;
};

// `file` is absolute.
LoadedPrices load_prices(const std::string& file);

}  // namespace borehole::config
