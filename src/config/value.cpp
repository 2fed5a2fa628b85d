#include "config/value.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "config/variables.h"

namespace borehole::config {
namespace {

// A scalar for a message, as written (variables not expanded); too long, or with what may be a credential: nothing.
std::string shown(const std::string& raw) {
  if (raw.empty() || raw.size() > 100 || raw.find('@') != raw.npos) return {};
  return fmt::format(" ('{}')", log::escaped(raw));
}

YAML::Mark mark_of(const YAML::Node& node, YAML::Mark otherwise) {
  const auto mark = node.Mark();
  return mark.is_null() ? otherwise : mark;
}

}  // namespace

Problem Source::at(YAML::Mark mark, std::string message) const {
  if (!has_lines || mark.is_null()) return {name, 0, 0, std::move(message)};
  return {name, mark.line + 1, mark.column + 1, std::move(message)};
}

void Source::complain(YAML::Mark mark, std::string message) const { problems.push_back(at(mark, std::move(message))); }

void Value::complain(std::string_view what) const {
  source_->complain(mark_, fmt::format("{} {}", key_.empty() ? "the configuration" : key_, what));
}

void Value::complain_of_text(std::string_view what) const {
  const auto quoted = hidden_ ? std::string() : shown(node_.Scalar());
  source_->complain(mark_, fmt::format("{}{} {}", key_, quoted, what));
}

Value Value::hidden() const {
  Value copy = *this;
  copy.hidden_ = true;
  return copy;
}

std::optional<std::string> Value::text() const {
  if (node_.IsNull()) {
    complain("has no value: write one, or remove the line for the default");
    return std::nullopt;
  }
  if (!node_.IsScalar()) {
    complain(fmt::format("must be a single value, not a {}", node_.IsMap() ? "map" : "list"));
    return std::nullopt;
  }
  auto expanded = expand_variables(node_.Scalar(), source_->environment);
  if (!expanded) {
    complain(expanded.error());
    return std::nullopt;
  }
  return *std::move(expanded);
}

bool Value::path_into(std::string& out) const {
  return into(out, [this](std::string_view text) -> Parsed<std::string> {
    if (text.empty()) return unexpected(std::string("must be a path: it is empty"));
    if (text == "~" || text.starts_with("~/"))
      return unexpected(std::string("begins with ~, which is not expanded here: write ${HOME} for it"));
    if (text.find('\0') != text.npos) return unexpected(std::string("must be a path: it holds a zero octet"));
    return (std::filesystem::path(source_->directory) / text).lexically_normal().string();
  });
}

bool Value::path_into_or_null(std::optional<std::string>& out) const {
  if (node_.IsNull()) {
    out.reset();
    return true;
  }
  std::string path;
  if (!path_into(path)) return false;
  out = std::move(path);
  return true;
}

std::vector<Value> Value::items(bool& good) const {
  std::vector<Value> values;
  if (node_.IsSequence()) {
    for (std::size_t i = 0; i < node_.size(); ++i) {
      values.emplace_back(*source_, node_[i], mark_of(node_[i], mark_), fmt::format("{}[{}]", key_, i));
      values.back().hidden_ = hidden_;
    }
  } else if (node_.IsScalar()) {
    values.push_back(*this);
  } else {
    complain(node_.IsNull() ? "has no value: write a list, [] for an empty one, or remove the line for the default"
                            : "must be a list, not a map");
    good = false;
  }
  return values;
}

std::vector<Value::Pair> Value::pairs(bool& good) const {
  std::vector<Pair> pairs;
  if (!node_.IsMap()) {
    complain(node_.IsNull() ? "has no value: write its keys below it, {} for none, or remove the line for the default"
                            : "must be a map of keys and values");
    good = false;
    return pairs;
  }
  std::map<std::string, int> first_lines;
  for (const auto& entry : node_) {
    const auto key_mark = mark_of(entry.first, mark_);
    if (!entry.first.IsScalar()) {
      source_->complain(key_mark, fmt::format("a key of {} is not plain text: write KEY: VALUE", key_));
      good = false;
      continue;
    }
    const std::string& key = entry.first.Scalar();
    const auto [first, is_new] = first_lines.emplace(key, key_mark.line + 1);
    if (!is_new) {
      source_->complain(key_mark, fmt::format("key '{}' was already given in line {}: remove one of the two",
                                              log::escaped(key), first->second));
      good = false;
      continue;
    }
    pairs.push_back({key, key_mark,
                     Value(*source_, entry.second, mark_of(entry.second, key_mark),
                           key_.empty() ? key : fmt::format("{}.{}", key_, key))});
    pairs.back().value.hidden_ = hidden_;
  }
  return pairs;
}

}  // namespace borehole::config
