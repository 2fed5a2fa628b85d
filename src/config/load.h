// Reads the configuration from YAML, environment and command line; finds every problem at once. Never starts anything.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace borehole::config {

// One thing to mend: "FILE:LINE:COLUMN: message". Line and column count from 1; 0 where there is none (a --set).
struct Problem {
  std::string file;
  int line = 0, column = 0;
  std::string message;  // one sentence, the remedy included
};
std::string to_string(const Problem& problem);

struct LoadOptions {
  std::optional<std::string> file;   // --config
  std::vector<std::string> sets;     // --set KEY=VALUE, "upstream.allow_loopback=true"
  std::vector<std::string> listens;  // --listen, replaces
  std::optional<std::string> admin;  // --admin, replaces
  std::function<std::optional<std::string>(const std::string&)> environment;  // getenv, or a test's
  std::string system_file = "/etc/borehole/borehole.yaml";                    // looked for after the user's own
  std::optional<bool> superuser;                                              // absent: as the process is
};

struct Loaded {
  std::shared_ptr<const Config> config;  // null if there are problems
  std::vector<Problem> problems;
  // Where each value was given; no messages: "listen", "routers[1].upstream", "upstream.resolve.host:443".
  std::map<std::string, Problem, std::less<>> places;
};

Loaded load(const LoadOptions& options);

}  // namespace borehole::config
