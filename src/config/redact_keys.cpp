#include "config/redact_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "config/nearest.h"

namespace borehole::config {

namespace {

// More would make each record cost what nobody expects.
constexpr std::size_t most_rules = 64;

constexpr std::array<std::string_view, 3> builtins{"email", "card", "aws_key"};
constexpr std::string_view of_a_cut = "cut";  // what records count as hidden at the end of a body that was cut off

Parsed<std::string> parse_rule_name(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  if (text.empty() || text.size() > 64 || !std::ranges::all_of(text, fits))
    return unexpected(std::string("must be of small letters, digits, _ and -, such as ticket"));
  if (text == of_a_cut || std::ranges::find(builtins, text) != builtins.end())
    return unexpected(std::string("is the name of a rule that is built in: choose another"));
  return std::string(text);
}

Parsed<BodyKeep> parse_keep(std::string_view text) {
  if (text == "kept") return BodyKeep::kept;
  if (text == "hashed") return BodyKeep::hashed;
  if (text == "off") return BodyKeep::off;
  return unexpected(std::string("must be one of kept, hashed, off"));
}

Parsed<std::string> parse_model_pattern(std::string_view text) {
  const auto fits = [](char c) { return c > ' ' && c < '\x7f'; };
  if (text.empty() || !std::ranges::all_of(text, fits))
    return unexpected(std::string("must be a model's id, * for any characters, such as anthropic.*"));
  return std::string(text);
}

bool too_many(const Value& value, std::size_t count) {
  if (count <= most_rules) return false;
  value.complain(fmt::format("has {} entries: {} are allowed", count, most_rules));
  return true;
}

void complain_of_key(const Value::Pair& pair, std::string_view owner, std::vector<std::string_view> known) {
  const auto meant = nearest(pair.key, known);
  pair.value.source().complain(
      pair.key_mark,
      meant ? fmt::format("unknown key '{}'; did you mean '{}'?", log::escaped(pair.key), *meant)
            : fmt::format("unknown key '{}': {} has {}", log::escaped(pair.key), owner, fmt::join(known, ", ")));
}

// The entries of a list of maps. False: a mistake was told.
template <class ReadKey, class Finish>
bool each_map(const Value& value, Draft& draft, ReadKey read_key, Finish finish) {
  bool good = true;
  const auto items = value.items(good);
  if (!good || too_many(value, items.size())) return false;
  for (const Value& item : items) {
    bool is_map = true;
    const auto pairs = item.pairs(is_map);
    draft.places.insert_or_assign(item.key(), item.place());
    bool fine = is_map;
    for (const auto& pair : pairs) {
      draft.places.insert_or_assign(pair.value.key(), pair.value.place());
      fine = read_key(pair) && fine;
    }
    good = (is_map || !pairs.empty()) && finish(item, pairs) && fine && good;
  }
  return good;
}

bool has(const std::vector<Value::Pair>& pairs, std::string_view key) {
  return std::ranges::any_of(pairs, [key](const auto& pair) { return pair.key == key; });
}

}  // namespace

void read_json_paths(const Value& value, Draft& draft) {
  std::vector<JsonPath> paths;
  if (!value.list_into(paths, JsonPath::parse) || too_many(value, paths.size())) return;
  draft.config.record.redact.json_paths = std::move(paths);
}

void read_patterns(const Value& value, Draft& draft) {
  std::vector<RedactPattern> patterns;
  std::string name;
  std::optional<Pattern> pattern;
  const bool good = each_map(
      value, draft,
      [&](const Value::Pair& pair) {
        if (pair.key == "name") return pair.value.into(name, parse_rule_name);
        if (pair.key == "regex") return pair.value.into(pattern, Pattern::compile);
        complain_of_key(pair, "a pattern", {"name", "regex"});
        return false;
      },
      [&](const Value& item, const std::vector<Value::Pair>& pairs) {
        bool fine = true;
        for (const std::string_view key : {"name", "regex"}) {
          if (has(pairs, key)) continue;
          item.complain(fmt::format("lacks its {}: write {{name: ticket, regex: \"TICKET-[0-9]{{6}}\"}}", key));
          fine = false;
        }
        if (std::ranges::any_of(patterns, [&](const auto& other) { return other.name == name && !name.empty(); })) {
          item.complain("has a name that another pattern already has: give each its own");
          fine = false;
        }
        if (fine && pattern) patterns.push_back({name, *pattern});
        name.clear();
        pattern.reset();
        return fine;
      });
  if (good) draft.config.record.redact.patterns = std::move(patterns);
}

void read_builtin(const Value& value, Draft& draft) {
  std::vector<std::string> names;
  const auto known = [](std::string_view text) -> Parsed<std::string> {
    if (std::ranges::find(builtins, text) != builtins.end()) return std::string(text);
    return unexpected(fmt::format("must be one of {}", fmt::join(builtins, ", ")));
  };
  if (!value.list_into(names, known)) return;
  auto& redact = draft.config.record.redact;
  const auto named = [&names](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
  redact.email = named("email");
  redact.card = named("card");
  redact.aws_key = named("aws_key");
}

void read_body_keep(const Value& value, Draft& draft) { value.into(draft.config.record.body_keep, parse_keep); }

void read_body_rules(const Value& value, Draft& draft) {
  std::vector<BodyRule> rules;
  BodyRule rule;
  const bool good = each_map(
      value, draft,
      [&](const Value::Pair& pair) {
        if (pair.key == "model") return pair.value.into(rule.model, parse_model_pattern);
        if (pair.key == "router") return pair.value.into(rule.router, parse_router_path);
        if (pair.key == "keep") return pair.value.into(rule.keep, parse_keep);
        complain_of_key(pair, "a rule", {"model", "router", "keep"});
        return false;
      },
      [&](const Value& item, const std::vector<Value::Pair>& pairs) {
        const bool fine = has(pairs, "keep") && (has(pairs, "model") || has(pairs, "router"));
        if (!fine)
          item.complain("must name a model or a router, and what to keep: {model: \"anthropic.*\", keep: hashed}");
        rules.push_back(std::exchange(rule, {}));
        return fine;
      });
  if (good) draft.config.record.body_rules = std::move(rules);
}

}  // namespace borehole::config
