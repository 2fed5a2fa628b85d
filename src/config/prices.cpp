#include "config/prices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>

#include "config/value.h"

namespace borehole::config {

namespace {

constexpr std::size_t largest_file = std::size_t{4} * 1024 * 1024;
constexpr std::uint64_t most_dollars = 1'000'000;

bool is_decimal(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "12.5" → 12.5 times 10^12, or times 10^6 where the price is of a million.
Parsed<std::uint64_t> parse_price(std::string_view text, std::size_t most_decimals) {
  const auto wrong = [&] {
    return unexpected(fmt::format("must be US dollars with at most {} decimals, such as 0.25", most_decimals));
  };
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view decimals = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  if (!is_decimal(whole) || whole.size() > 7 || decimals.size() > most_decimals) return wrong();
  if (point != std::string_view::npos && !is_decimal(decimals)) return wrong();
  std::uint64_t value = 0;
  for (const char digit : whole) value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  if (value > most_dollars) return wrong();
  for (std::size_t i = 0; i < most_decimals; ++i) {
    value = value * 10 + (i < decimals.size() ? static_cast<std::uint64_t>(decimals[i] - '0') : 0);
  }
  return value;
}

// Where the entries of a section belong.
struct Where {
  std::string service, region;
};

class Reading {
 public:
  explicit Reading(LoadedPrices& out) : out_(out) {}

  void document(const Value& root) {
    if (root.is_null()) return;  // a file of comments
    bool good = true;
    for (const Value::Pair& pair : root.pairs(good)) {
      if (pair.key == "as_of") {
        pair.value.into(out_.list.as_of,
                        [](std::string_view text) -> Parsed<std::string> { return std::string(text); });
      } else if (pair.key == "models") {
        models(pair.value, {});
      } else if (pair.key == "regions") {
        each(pair.value, [&](const Value::Pair& region) { models(region.value, {{}, region.key}); });
      } else if (pair.key == "services") {
        each(pair.value, [&](const Value::Pair& service) { models(service.value, {service.key, {}}); });
      } else {
        complain(pair, "is not known: use as_of, models, regions or services");
      }
    }
  }

 private:
  template <class F>
  static void each(const Value& map, F&& take) {
    bool good = true;
    for (const Value::Pair& pair : map.pairs(good)) take(pair);
  }
  static void complain(const Value::Pair& pair, std::string_view what) {
    pair.value.source().complain(pair.key_mark, fmt::format("{} {}", log::escaped(pair.key), what));
  }

  void models(const Value& map, const Where& where) {
    each(map, [&](const Value::Pair& model) {
      PriceEntry entry{where.service, where.region, model.key, {}};
      each(model.value, [&](const Value::Pair& price) { take_price(price, entry); });
      out_.list.entries.push_back(std::move(entry));
    });
  }

  static void take_price(const Value::Pair& price, PriceEntry& entry) {
    if (std::find(price_names.begin(), price_names.end(), price.key) == price_names.end()) {
      complain(price, fmt::format("is not known: use {}", fmt::join(price_names, ", ")));
      return;
    }
    const std::size_t decimals = price.key == "image" ? 12 : 6;
    std::uint64_t amount = 0;
    if (price.value.into(amount, [&](std::string_view text) { return parse_price(text, decimals); })) {
      entry.picodollars[price.key] = amount;
    }
  }

  LoadedPrices& out_;
};

}  // namespace

LoadedPrices load_prices(const std::string& file) {
  LoadedPrices out;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    out.problems.push_back(
        {file, 0, 0, fmt::format("cannot be read ({}): mend `prices`, or set it to null", std::strerror(errno))});
    return out;
  }
  std::string text(largest_file + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (stream.bad() || text.size() > largest_file) {
    out.problems.push_back({file, 0, 0, "cannot be read, or is larger than 4 MiB: name a file of prices"});
    return out;
  }
  const Environment environment = [](const std::string&) { return std::optional<std::string>(); };
  const Source source{file, {}, true, environment, out.problems};
  try {
    Reading(out).document(Value(source, YAML::Load(text), YAML::Mark(), ""));
  } catch (const YAML::Exception& wrong) {
    source.complain(wrong.mark, fmt::format("this is not YAML ({}): mend it", log::escaped(wrong.msg)));
  }
  return out;
}

}  // namespace borehole::config
