// Every command of the program, for the command line. Each lives in a file of its own.
#pragma once

#include <span>

#include "app/command_line.h"

namespace borehole::app {

void add_serve(CLI::App& app, CommandLine& line);
void add_run(CLI::App& app, CommandLine& line);
void add_env(CLI::App& app, CommandLine& line);
void add_calls(CLI::App& app, CommandLine& line);
void add_ca(CLI::App& app, CommandLine& line);
void add_check(CLI::App& app, CommandLine& line);
void add_doctor(CLI::App& app, CommandLine& line);
void add_version(CLI::App& app, CommandLine& line);

// In the order of the help text.
std::span<const AddCommand> all_commands() noexcept;

}  // namespace borehole::app
