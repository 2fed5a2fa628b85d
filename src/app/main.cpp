// The program: one command a run.
#include <exception>
#include <iostream>

#include "app/commands.h"

int main(int argc, char** argv) {
  try {
    const auto parsed = borehole::app::parse_command_line(argc, argv, borehole::app::all_commands());
    return parsed.line ? parsed.line->run(*parsed.line) : parsed.exit_status;
  } catch (const std::exception& error) {
    std::cerr << "borehole: " << error.what() << '\n';
    return 1;
  }
}
