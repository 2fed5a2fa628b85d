#include "app/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "config/nearest.h"

namespace borehole::app {

namespace {

bool takes_a_value(const CLI::App& app, const std::string& option) {
  const CLI::Option* known = app.get_option_no_throw(option);
  return known != nullptr && known->get_items_expected_max() > 0;
}

// What stands behind `run` and its options is the user's own, as with env(1) and timeout(1): it begins behind a `--`,
// or with the first word that is no option. It is taken off `arguments`, so that nothing parses it.
std::vector<std::string> take_client_command(const CLI::App& app, std::vector<std::string>& arguments) {
  bool in_run = false;
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    const std::string& word = arguments[at];
    if (word.size() > 1 && word.front() == '-' && word != "--") {
      if (takes_a_value(app, word)) ++at;
      continue;
    }
    if (!in_run) {
      if (word != "run") return {};
      in_run = true;
      continue;
    }
    const auto first = arguments.begin() + static_cast<std::ptrdiff_t>(at);
    std::vector<std::string> command(word == "--" ? first + 1 : first, arguments.end());
    arguments.erase(first, arguments.end());
    return command;
  }
  return {};
}

// The command that was chosen, with those above it in `name`.
const CLI::App& chosen(const CLI::App& app, std::string& name) {
  const CLI::App* command = &app;
  name = "borehole";
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  return *command;
}

// What is wrong with a word that is not known where it stands, with the one that was probably meant.
std::string unknown(const std::string& word, const CLI::App& command) {
  const auto all = [](const auto*) { return true; };
  std::vector<std::string> names;
  std::string_view what;  // empty: nothing of its kind is wanted there
  if (word.starts_with('-')) {
    what = "option";
    for (const CLI::App* above = &command; above != nullptr; above = above->get_parent()) {
      for (const CLI::Option* option : above->get_options(all)) {
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
      }
    }
  } else {
    for (const CLI::App* known : command.get_subcommands(all)) names.push_back(known->get_name());
    if (!names.empty()) what = "command";
  }
  if (what.empty()) return fmt::format(" takes no '{}':", log::escaped(word));
  const auto meant = config::nearest(word, {names.begin(), names.end()});
  return fmt::format(" has no {} '{}'{}", what, log::escaped(word),
                     meant ? fmt::format(": did you mean '{}'?", *meant) : ":");
}

std::string mistake(const CLI::App& app, const CLI::ParseError& error) {
  std::string name;
  const CLI::App& command = chosen(app, name);
  const auto left = app.remaining(true);
  const std::string wrong =
      left.empty() ? fmt::format(": {};", log::escaped(error.what())) : unknown(left.front(), command);
  return fmt::format("{0}{1} `{0} --help` tells what it takes", name, wrong);
}

}  // namespace

Parsed parse_command_line(int argc, const char* const* argv, std::span<const AddCommand> commands) {
  CommandLine line;
  CLI::App app{
      "borehole: a look into Bedrock. A forward HTTPS proxy that shows every call to AWS Bedrock and changes none.",
      "borehole"};
  app.set_help_all_flag("--help-all", "help for every command");
  app.set_version_flag("--version", "borehole " BOREHOLE_VERSION, "print the version");
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
  line.client_command = take_client_command(app, arguments);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app.parse(arguments);
    if (line.command.empty() && !help) app.parse("serve");
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;
    if (asked) {
      app.exit(error, std::cout, std::cerr);
    } else {
      std::cerr << mistake(app, error) << '\n';
    }
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
