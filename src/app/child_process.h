// Runs another program to its end and keeps what it said. Never through a shell, never beyond its time limit.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace borehole::app {

enum class Terminal : std::uint8_t {
  withheld,  // a session of its own: it cannot ask for a password on the terminal, and fails instead
  kept,      // it may ask on the terminal, as sudo does
};

struct ChildCommand {
  std::vector<std::string> arguments;  // argv; without a slash the first is looked for on PATH
  std::string input;                   // its stdin, at most 32 KiB
  std::chrono::seconds limit{60};      // then it is killed
  Terminal terminal = Terminal::withheld;
  std::optional<std::vector<std::string>> environment;  // NAME=VALUE each; nothing: what this process has
};

struct ChildOutcome {
  int status = 0;          // exit status; 128 + the signal that ended it
  bool timed_out = false;  // killed at the limit
  std::string out, error;  // stdout and stderr, at most 1 MiB each; what is beyond is dropped
};

// io_failed if it cannot be started, and where it is not on PATH.
Result<ChildOutcome> run_child(const ChildCommand& command);

// The first executable file `name` in the folders of `path` ("/usr/bin:/bin"); empty if there is none.
std::string find_program(const std::string& name, const std::string& path);

}  // namespace borehole::app
