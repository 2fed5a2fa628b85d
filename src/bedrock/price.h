// What a call costs by a table of prices, in exact decimal arithmetic. Never guesses: what the table or the call does
// not tell has no cost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "bedrock/usage.h"

namespace borehole::bedrock {

// US dollars times 10^12: prices per million tokens with up to six decimals are whole numbers per token.
using Picodollars = std::uint64_t;

// "0.0153": exact, without zeros at its end; "0" for nothing.
std::string dollars_text(Picodollars amount);

struct TokenPrices {  // each for one token
  std::optional<Picodollars> input, output, cache_read, cache_write, cache_write_1h;
};

struct ModelPrice {
  TokenPrices standard;
  std::optional<TokenPrices> long_prompt;  // where the prompt, cached tokens included, is above long_prompt_tokens
  TokenPrices batch;
  std::optional<Picodollars> image;  // each that is made
};

// What is to be paid for.
struct Consumption {
  Usage usage;
  std::optional<std::uint64_t> images;  // made
  bool batch = false;
};

class PriceTable {
 public:
  static constexpr std::uint64_t long_prompt_tokens = 200'000;

  // `service` and `region` may be empty: then the price holds wherever none is more particular. `model` is an id as
  // calls use it, with or without a geographic prefix.
  void add(std::string_view service, std::string_view region, std::string_view model, ModelPrice price);
  bool empty() const noexcept { return prices_.empty(); }

  // `model` is a modelId as a call names it; of ARNs, those of foundation models and system inference profiles can be
  // found. Looked up, first to last: with its prefix, then without it; each in the service's region, in the service, in
  // the region, in general. Null where there is none; valid as long as the table does not change.
  const ModelPrice* find(std::string_view service, std::string_view region, std::string_view model) const;

 private:
  const ModelPrice* find_exactly(std::string_view service, std::string_view region, const std::string& model) const;

  std::map<std::string, ModelPrice, std::less<>> prices_;  // "service\nregion\nmodel"
};

// nullopt where a count or the price of one that is not zero is unknown, or where the sum is beyond 18 million dollars.
// Cached tokens are never charged as plain input. The part of cache writes that is not said to be kept for an hour is
// charged as kept for five minutes.
std::optional<Picodollars> cost(const ModelPrice& price, const Consumption& consumption) noexcept;

}  // namespace borehole::bedrock
