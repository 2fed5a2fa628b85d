// One value of the YAML tree on its way into a typed field: variables expanded, mistakes collected with their place.
// Never throws for what a file may say, and never repeats what a variable held.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.h"
#include "config/scalars.h"

namespace borehole::config {

using Environment = std::function<std::optional<std::string>(const std::string&)>;

// What one file, or one option of the command line, is read against. Outlives its values.
struct Source {
  std::string name;       // a problem's `file`
  std::string directory;  // absolute; relative paths start here
  bool has_lines = true;  // false: a --set
  const Environment& environment;
  std::vector<Problem>& problems;

  Problem at(YAML::Mark mark, std::string message) const;
  void complain(YAML::Mark mark, std::string message) const;
};

class Value {
 public:
  Value(const Source& source, const YAML::Node& node, YAML::Mark mark, std::string key)
      : source_(&source), node_(node), mark_(mark), key_(std::move(key)) {}

  const std::string& key() const { return key_; }
  YAML::Mark mark() const { return mark_; }
  const Source& source() const { return *source_; }
  const YAML::Node& node() const { return node_; }
  Problem place() const { return source_->at(mark_, {}); }

  bool is_null() const { return node_.IsNull(); }
  bool is_text(std::string_view text) const { return node_.IsScalar() && node_.Scalar() == text; }
  // `what` completes "KEY …".
  void complain(std::string_view what) const;

  // Each leaves `out` alone where the value is wrong. `parse` is text → Parsed<T>.
  template <class T, class Parse>
  bool into(T& out, Parse parse) const {
    const auto expanded = text();
    if (!expanded) return false;
    auto parsed = parse(std::string_view(*expanded));
    if (!parsed) {
      complain_of_text(parsed.error());
      return false;
    }
    out = static_cast<T>(*std::move(parsed));
    return true;
  }
  template <class T, class Parse>
  bool into_or_null(std::optional<T>& out, Parse parse) const {
    if (node_.IsNull()) {
      out.reset();
      return true;
    }
    T value{};
    if (!into(value, parse)) return false;
    out = std::move(value);
    return true;
  }
  // A list, or one scalar for a list of one.
  template <class T, class Parse>
  bool list_into(std::vector<T>& out, Parse parse) const {
    std::vector<T> values;
    bool good = true;
    for (const Value& item : items(good)) {
      T value{};
      if (item.into(value, parse))
        values.push_back(std::move(value));
      else
        good = false;
    }
    if (good) out = std::move(values);
    return good;
  }
  // A path, absolute and without `..`.
  bool path_into(std::string& out) const;
  bool path_into_or_null(std::optional<std::string>& out) const;

  // The entries of a list (one, for a scalar) or of a map, in order; what is wrong with its shape clears `good`.
  std::vector<Value> items(bool& good) const;
  struct Pair;
  std::vector<Pair> pairs(bool& good) const;

  // The value is a secret also where it stands in clear: no message repeats it.
  Value hidden() const;

 private:
  std::optional<std::string> text() const;  // expanded; nothing (and a problem) if it is no scalar
  void complain_of_text(std::string_view what) const;

  const Source* source_;
  YAML::Node node_;
  YAML::Mark mark_;  // where a mistake in it is shown
  std::string key_;  // dotted: "record.keep.days"
  bool hidden_ = false;
};

struct Value::Pair {
  std::string key;
  YAML::Mark key_mark;
  Value value;
};

}  // namespace borehole::config
