// What the user asked for on the command line (CONTRACT section 2). Never does it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace borehole::app {

enum class Command { serve, ca_show, ca_path, ca_rotate, calls_list, calls_show, check, version };

struct CommandLine {
  Command command = Command::serve;
  std::optional<std::string> config_file;
  std::vector<std::string> listens;
  std::optional<std::string> admin;
  std::vector<std::string> sets;

  struct {
    std::optional<std::string> id, model, operation, outcome, text, access_key;
    std::optional<int> status;
    std::size_t limit = 50;
    bool json = false;
  } calls;
};

// The parsed line, or the exit status after help or an error was printed (0 or 2).
struct Parsed {
  std::optional<CommandLine> line;
  int exit_status = 0;
};
Parsed parse_command_line(int argc, const char* const* argv);

}  // namespace borehole::app
