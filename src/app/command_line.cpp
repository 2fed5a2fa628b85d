#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <utility>

namespace borehole::app {

Parsed parse_command_line(int argc, const char* const* argv, std::span<const AddCommand> commands) {
  CommandLine line;
  CLI::App app{
      "borehole: a look into Bedrock. A forward HTTPS proxy that shows every call to AWS Bedrock and changes none.",
      "borehole"};
  app.set_help_all_flag("--help-all", "help for every command");
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.add_option("--config", line.config_file, "configuration file (YAML)")->type_name("FILE");
  app.add_option("--listen", line.listens, "where clients connect, instead of `listen`; again for more")
      ->type_name("HOST:PORT")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--admin", line.admin, "the admin port, instead of `admin`")->type_name("HOST:PORT");
  app.add_option("--set", line.sets, "one configuration value, e.g. upstream.allow_loopback=true")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  for (const AddCommand add : commands) add(app, line);
  bool help = false;
  app.add_subcommand("help", "print this")->callback([&] { help = true; });

  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments.front() == "help") arguments.resize(1);  // `help ca` too
  std::reverse(arguments.begin(), arguments.end());                            // as CLI11 wants them
  try {
    app.parse(arguments);
    if (line.command.empty() && !help) app.parse("serve");
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;
    app.exit(error, std::cout, std::cerr);
    return {std::nullopt, asked ? 0 : 2};
  }
  if (help) {
    app.clear();  // with the command still selected CLI11 would print that command's help
    std::cout << app.help();
    return {std::nullopt, 0};
  }
  return {std::move(line), 0};
}

}  // namespace borehole::app
