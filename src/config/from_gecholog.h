// Turns the configuration of Gecholog's gateway (gl_config.json) into ours, and says what has no counterpart. Never
// reads a file, never looks at the environment: ${NAME} stays ${NAME}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace borehole::config {

struct Translation {
  std::string yaml;               // for a file of its own; what has no counterpart stands in it as comments
  std::vector<Problem> notes;     // those comments, with their places in the JSON
  std::vector<Problem> problems;  // not empty: it is no such configuration, and `yaml` is empty
};

// `name` is what messages call the file. Values are checked as ours are; one that would not load is left out and noted.
Translation from_gecholog(const std::string& name, std::string_view json);

}  // namespace borehole::config
