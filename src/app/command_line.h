// What the user asked for on the command line (CONTRACT section 2): the options that every command takes, and the
// command that was chosen. Never runs it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace borehole::app {

struct CommandLine {
  std::optional<std::string> config_file;
  std::vector<std::string> listens;
  std::optional<std::string> admin;
  std::vector<std::string> sets;

  std::vector<std::string> client_command;  // of `run`: what stands behind its options, untouched
  std::optional<int> report_to;             // of `serve`: a descriptor that gets the records (report_sink.h)

  std::string command;                         // "serve", "calls list", …
  std::function<int(const CommandLine&)> run;  // does it; the result is the exit status
};

// Adds one command, its sub-commands and their options; the callback of the one that is chosen fills in `command` and
// `run`, which keep the options alive. `line` outlives the parsing, not the run: `run` gets it anew.
using AddCommand = void (*)(CLI::App& app, CommandLine& line);

// The parsed line, or the exit status after help or an error was printed (0 or 2).
struct Parsed {
  std::optional<CommandLine> line;
  int exit_status = 0;
};
// Without a command it is `serve`, which must be among `commands`.
Parsed parse_command_line(int argc, const char* const* argv, std::span<const AddCommand> commands);

}  // namespace borehole::app
