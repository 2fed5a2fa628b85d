#include "app/commands.h"

#include <CLI/CLI.hpp>
#include <array>
#include <iostream>

namespace borehole::app {

void add_version(CLI::App& app, CommandLine& line) {
  app.add_subcommand("version", "print the version")->callback([&line] {
    line.command = "version";
    line.run = [](const CommandLine&) {
      std::cout << "borehole " BOREHOLE_VERSION "\n";
      return 0;
    };
  });
}

std::span<const AddCommand> all_commands() noexcept {
  static constexpr std::array<AddCommand, 8> commands{add_serve, add_run,   add_env,    add_calls,
                                                      add_ca,    add_check, add_doctor, add_version};
  return commands;
}

}  // namespace borehole::app
