#include "bedrock/price.h"

#include <array>
#include <limits>
#include <utility>

#include "bedrock/model_id.h"

namespace borehole::bedrock {

namespace {

constexpr Picodollars kDollar = 1'000'000'000'000;

// Adds up what is charged for; once something is unknown or too large, so is the sum.
class Bill {
 public:
  void charge(std::optional<std::uint64_t> count, std::optional<Picodollars> each) noexcept {
    if (count == 0U || each == Picodollars{0}) return;
    if (!count || !each || *count > (std::numeric_limits<Picodollars>::max() - sum_) / *each) {
      known_ = false;
      return;
    }
    sum_ += *count * *each;
  }
  std::optional<Picodollars> sum() const noexcept { return known_ ? std::optional(sum_) : std::nullopt; }

 private:
  Picodollars sum_ = 0;
  bool known_ = true;
};

// The counts that make up a prompt, saturating: a hostile answer must not make a long one short.
std::uint64_t prompt_tokens(const Usage& usage) noexcept {
  std::uint64_t sum = 0;
  for (const auto count : {usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens}) {
    const std::uint64_t more = count.value_or(0);
    sum =
        more > std::numeric_limits<std::uint64_t>::max() - sum ? std::numeric_limits<std::uint64_t>::max() : sum + more;
  }
  return sum;
}

// A part that is missing in the prices that hold is unknown, not that of other prompts.
const TokenPrices& prices_for(const ModelPrice& price, const Consumption& consumption) noexcept {
  if (consumption.batch) return price.batch;
  const bool is_long = prompt_tokens(consumption.usage) > PriceTable::long_prompt_tokens;
  return is_long && price.long_prompt ? *price.long_prompt : price.standard;
}

std::string key_of(std::string_view service, std::string_view region, std::string_view model) {
  std::string key(service);
  key += '\n';
  key += region;
  key += '\n';
  return key += model;
}

}  // namespace

std::string dollars_text(Picodollars amount) {
  std::string out = std::to_string(amount / kDollar);
  Picodollars rest = amount % kDollar;
  if (rest == 0) return out;
  std::string decimals = std::to_string(rest);
  out += '.';
  out.append(12 - decimals.size(), '0');
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return out += decimals;
}

void PriceTable::add(std::string_view service, std::string_view region, std::string_view model, ModelPrice price) {
  prices_[key_of(service, region, model)] = price;
}

const ModelPrice* PriceTable::find_exactly(std::string_view service, std::string_view region,
                                           const std::string& model) const {
  const std::array<std::pair<std::string_view, std::string_view>, 4> places{
      {{service, region}, {service, {}}, {{}, region}, {{}, {}}}};
  for (const auto& [in_service, in_region] : places) {
    const auto found = prices_.find(key_of(in_service, in_region, model));
    if (found != prices_.end()) return &found->second;
  }
  return nullptr;
}

const ModelPrice* PriceTable::find(std::string_view service, std::string_view region, std::string_view model) const {
  if (const ModelPrice* const price = find_exactly(service, region, std::string(model))) return price;
  const ModelName name = parse_model_id(model);
  if (name.base_model.empty()) return nullptr;
  const bool prefixed = !name.inference_scope.empty() && name.inference_scope != "in_region";
  if (prefixed) {
    const ModelPrice* const price = find_exactly(service, region, name.inference_scope + "." + name.base_model);
    if (price != nullptr) return price;
  }
  // What is bought otherwise than by the token has a scope that is no prefix of an id.
  static constexpr std::array<std::string_view, 7> otherwise{
      "provisioned", "imported", "custom", "custom_deployment", "marketplace", "prompt", "prompt_router"};
  for (const std::string_view scope : otherwise) {
    if (name.inference_scope == scope) return nullptr;
  }
  return find_exactly(service, region, name.base_model);
}

std::optional<Picodollars> cost(const ModelPrice& price, const Consumption& consumption) noexcept {
  const Usage& usage = consumption.usage;
  Bill bill;
  if (price.image) {
    bill.charge(consumption.images, price.image);
    if (!price.standard.input && !price.standard.output) return bill.sum();
  }
  const TokenPrices& each = prices_for(price, consumption);
  bill.charge(usage.input_tokens, each.input);
  bill.charge(usage.output_tokens, each.output);
  bill.charge(usage.cache_read_tokens.value_or(0), each.cache_read);
  const std::uint64_t writes = usage.cache_write_tokens.value_or(0);
  const std::uint64_t hour = usage.cache_write_1h_tokens.value_or(0);
  if (hour > writes) return std::nullopt;
  bill.charge(writes - hour, each.cache_write);
  bill.charge(hour, each.cache_write_1h);
  return bill.sum();
}

}  // namespace borehole::bedrock
