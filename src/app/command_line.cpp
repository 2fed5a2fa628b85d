#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <utility>

namespace borehole::app {

Parsed parse_command_line(int argc, const char* const* argv) {
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

  auto* serve = app.add_subcommand("serve", "run the proxy (what happens without a command)");
  serve->callback([&] { line.command = Command::serve; });
  app.add_subcommand("check", "validate the configuration: every problem with file:line:column")->callback([&] {
    line.command = Command::check;
  });
  app.add_subcommand("version", "print the version")->callback([&] { line.command = Command::version; });
  bool help = false;
  app.add_subcommand("help", "print this")->callback([&] { help = true; });

  auto* ca = app.add_subcommand("ca", "the development CA");
  ca->require_subcommand(1);
  ca->fallthrough();
  ca->add_subcommand("show", "subjects, fingerprints, end, constraints")->callback([&] {
    line.command = Command::ca_show;
  });
  ca->add_subcommand("path", "the file to trust")->callback([&] { line.command = Command::ca_path; });

  ca->add_subcommand("rotate", "a new CA in place of the old one; it must be trusted anew")->callback([&] {
    line.command = Command::ca_rotate;
  });

  auto* calls = app.add_subcommand("calls", "the recorded calls");
  calls->fallthrough();
  calls->require_subcommand(0, 1);
  const auto filters = [&](CLI::App* command) {
    command->add_option("--model", line.calls.model, "only calls of this model (a part of its id is enough)");
    command->add_option("--operation", line.calls.operation, "only this operation, e.g. Converse");
    command->add_option("--status", line.calls.status, "only this HTTP status");
    command->add_option("--outcome", line.calls.outcome, "complete, client_aborted, upstream_failed or refused");
    command->add_option("--access-key", line.calls.access_key, "only calls signed with this access key id");
    command->add_option("--text", line.calls.text, "only calls whose record holds this text");
    command->add_option("-n,--limit", line.calls.limit, "at most so many, the newest")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    command->add_flag("--json", line.calls.json, "whole records, one JSON object a line");
  };
  calls->callback([&] {
    if (calls->get_subcommands().empty()) line.command = Command::calls_list;
  });
  auto* list = calls->add_subcommand("list", "the newest calls, one a line");
  filters(list);
  list->callback([&] { line.command = Command::calls_list; });
  auto* show = calls->add_subcommand("show", "one call, whole");
  show->add_option("id", line.calls.id, "the call's id, or the beginning of it")->required()->type_name("ID");
  show->add_flag("--json", line.calls.json, "the record as one JSON object");
  show->callback([&] { line.command = Command::calls_show; });

  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments.front() == "help") arguments.resize(1);  // `help ca` too
  std::reverse(arguments.begin(), arguments.end());                            // as CLI11 wants them
  try {
    app.parse(std::move(arguments));
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
