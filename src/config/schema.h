// Every key that a configuration may hold and how its value becomes a field of Config: one table. Never reads a file.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/value.h"

namespace borehole::config {

// Where a value came from, for the rules that look at several.
struct Place {
  Source source;
  YAML::Mark mark;
};

// A configuration in the making.
struct Draft {
  Config config;
  std::optional<Place> listen, admin, durability;      // where they were given, if they were
  std::map<std::string, Problem, std::less<>> places;  // of every value that was given
  bool ca_dir_given = false, store_given = false, prices_given = false, users_file_given = false;
};

// The whole of a file: a map of keys, or nothing at all.
void read_document(const Value& root, Draft& draft);
// One dotted key, for --set: "limits.head_bytes", also a whole section.
void read_key(std::string_view dotted, const Value& value, Draft& draft);

// The keys in the order of conf/borehole.yaml.
std::vector<std::string_view> all_keys();

}  // namespace borehole::config
