// `borehole calls`: what was recorded, as tables, texts or JSON.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "app/calls_options.h"
#include "app/commands.h"
#include "app/moments.h"

namespace borehole::app {

namespace {

void add_limit(CLI::App& command, CallsOptions& options, const char* help) {
  command.add_option("-n,--limit", options.limit, help)->check([](const std::string& text) {
    const bool whole = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    return whole ? std::string() : std::string("a whole number is wanted");
  });
}

CLI::Option* add_json(CLI::App& command, CallsOptions& options, const char* help) {
  return command.add_flag("--json", options.json, help);
}

void add_list_options(CLI::App& command, CallsOptions& options) {
  add_filters(command, options);
  add_limit(command, options, "at most so many, the newest (50)");
  command.add_flag("--attempts", options.attempts, "each attempt of an invocation, not only the last");
  add_json(command, options, "whole records, one JSON object a line");
}

void add_show_options(CLI::App& command, CallsOptions& options) {
  command.add_option("id", options.id, "the call's id, or the beginning of it, or `last`")->required()->type_name("ID");
  auto* json = add_json(command, options, "the record as one JSON object");
  command.add_option("--raw-body", options.raw_body, "only this body (request or response), as it was kept")
      ->check(CLI::IsMember({"request", "response"}))
      ->type_name("WHICH")
      ->excludes(json);
}

void add_explain_options(CLI::App& command, CallsOptions& options) {
  command.add_option("id", options.id, "the call's id, or the beginning of it, or `last`")->required()->type_name("ID");
  add_json(command, options, "the diagnosis as one JSON object");
  command.footer(
      "With AWS_SECRET_ACCESS_KEY in the environment (and AWS_SESSION_TOKEN where the call had one) a signature is\n"
      "recomputed, to prove the client's side right or wrong. The secret is neither stored nor used to sign.");
}

void add_stats_options(CLI::App& command, CallsOptions& options) {
  command.footer(
      "Counts, tokens and cost are exact. Percentiles are exact for a few thousand calls, and else within half a\n"
      "percent.");
  command
      .add_option_function<std::string>(
          "--by",
          [&options](const std::string& name) {
            const auto by = store::parse_group_by(name);
            if (!by) {
              throw CLI::ValidationError(
                  "--by", fmt::format("one of these is wanted: {}", fmt::join(store::group_by_names(), ", ")));
            }
            options.group_by = *by;
          },
          fmt::format("a line for each of these (model): {}", fmt::join(store::group_by_names(), ", ")))
      ->type_name("WHAT");
  add_filters(command, options);
  add_json(command, options, "a JSON object a line, the total last");
}

void add_tail_options(CLI::App& command, CallsOptions& options) {
  add_filters(command, options);
  add_limit(command, options, "first the last so many (0)");
  add_json(command, options, "whole records, one JSON object a line; with --tokens events as they come");
  command.add_flag_callback(
      "--tokens", [&options] { options.tokens = true; },
      "streamed answers while they come, from the proxy that runs (what a terminal gets)");
  command.add_flag_callback(
      "--no-tokens", [&options] { options.tokens = false; }, "each call only when it has ended");
}

void add_export_options(CLI::App& command, CallsOptions& options) {
  command.add_option("id", options.id, "only this call: its id, or the beginning of it, or `last`")->type_name("ID");
  command
      .add_option_function<std::string>(
          "--format",
          [&options](const std::string& name) {
            const auto format = exporting::parse_format(name);
            if (!format) {
              throw CLI::ValidationError("--format", fmt::format("one of {} is wanted", exporting::format_names));
            }
            options.format = *format;
          },
          "jsonl (whole records), har (for a browser's tools), csv (the figures), curl (commands, unsigned) or boto3 "
          "(Python)")
      ->type_name("FORMAT");
  add_filters(command, options);
  add_limit(command, options, "at most so many (no limit)");
  command.add_option("-o,--out", options.out, "a file, which is replaced once all is written (stdout)")
      ->type_name("FILE");
  add_json(command, options, "the same as --format jsonl");
}

void add_prune_options(CLI::App& command, CallsOptions& options) {
  command
      .add_option_function<std::string>(
          "--older-than",
          [&options](const std::string& text) {
            options.older_than = parse_span(text);
            if (!options.older_than) throw CLI::ValidationError("--older-than", "an age is wanted: 30d, 12h, 4w");
          },
          "calls that started longer ago: 30d, 12h, 4w")
      ->type_name("AGE");
  command.add_flag("--all", options.all, "all calls");
  add_filters(command, options);
  command.add_flag("--dry-run", options.dry_run, "only tell what would be removed");
  command.add_flag("-y,--yes", options.yes, "do not ask");
}

}  // namespace

void add_calls(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<CallsOptions>();
  auto* calls = app.add_subcommand("calls", "the recorded calls");
  calls->fallthrough();
  calls->require_subcommand(0, 1);
  const auto chosen = [&line, options](const std::string& name, int (*run)(const CallsOptions&)) {
    return [&line, options, name, run] {
      line.command = name;
      line.run = [options, run](const CommandLine& given) { return load(given, *options) ? run(*options) : 2; };
    };
  };
  add_list_options(*calls, *options);
  calls->callback([calls, list = chosen("calls list", calls_list)] {
    if (calls->get_subcommands().empty()) list();
  });
  const auto add = [&](const std::string& name, const char* help, void (*add_options)(CLI::App&, CallsOptions&),
                       int (*run)(const CallsOptions&)) {
    auto* command = calls->add_subcommand(name, help);
    add_options(*command, *options);
    command->callback(chosen("calls " + name, run));
  };
  add("list", "the newest calls, one a line", add_list_options, calls_list);
  add("show", "one call, whole", add_show_options, calls_show);
  add("explain", "why a call failed, and what mends it", add_explain_options, calls_explain);
  add("tail", "each call as it ends, until interrupted", add_tail_options, calls_tail);
  add("stats", "calls summed up", add_stats_options, calls_stats);
  add("export", "calls as JSON lines, HAR, CSV, curl or boto3, oldest first", add_export_options, calls_export);
  add("prune", "remove calls", add_prune_options, calls_prune);
}

}  // namespace borehole::app
