// `borehole calls`: what was recorded, as tables, texts or JSON.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "app/commands.h"
#include "app/foundation.h"
#include "app/readable_json.h"
#include "base/log.h"
#include "calls/call_record.h"
#include "store/call_store.h"

namespace borehole::app {

namespace {

struct CallsOptions {
  std::string id;  // or the beginning of one
  store::CallFilter filter;
  bool json = false;
};

std::unique_ptr<store::CallStoreReader> open_store(const CommandLine& line, int* status) {
  const auto config = load_configuration(line);
  if (!config) {
    *status = 2;
    return nullptr;
  }
  *status = 1;
  if (!config->record.store) {
    std::cerr << "borehole: `record.store` is null, so no calls are kept; set it to a file\n";
    return nullptr;
  }
  auto reader = store::CallStoreReader::open(*config->record.store);
  if (!reader) {
    std::cerr << "borehole: " << reader.error().detail << '\n';
    return nullptr;
  }
  return *std::move(reader);
}

std::size_t terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 0;
  return size.ws_col;
}

// From the wire to a terminal: no control characters, and no longer than its column.
std::string cell(const std::string& text, std::size_t width) {
  std::string shown = log::escaped(text.empty() ? "-" : text);
  if (width > 3 && shown.size() > width) shown = shown.substr(0, width - 3) + "...";
  return shown;
}

std::string number(const std::optional<std::uint64_t>& value) { return value ? std::to_string(*value) : "-"; }

int calls_list(const CommandLine& line, const CallsOptions& options) {
  int status = 0;
  const auto reader = open_store(line, &status);
  if (!reader) return status;
  if (options.json) {
    const auto records = reader->list_json(options.filter);
    if (!records) {
      std::cerr << "borehole: " << records.error().detail << '\n';
      return 1;
    }
    for (const auto& record : *records) std::cout << record << '\n';
    return 0;
  }
  const auto calls = reader->list(options.filter);
  if (!calls) {
    std::cerr << "borehole: " << calls.error().detail << '\n';
    return 1;
  }
  if (calls->empty()) {
    std::cout << "no calls yet; `tools/run` shows how to send one through\n";
    return 0;
  }
  const std::size_t width = terminal_width();
  const std::size_t room = width > 110 ? width - 84 : width > 0 ? std::size_t{24} : std::size_t{60};
  std::cout << fmt::format("{:<26}  {:<19}  {:>6}  {:<15}  {:>7}  {:>7}  {:>9}  {}\n", "ID", "STARTED", "STATUS",
                           "OPERATION", "IN", "OUT", "MS", "MODEL");
  for (const auto& call : *calls) {
    const std::string what = call.operation.empty() ? call.method : call.operation;
    const std::string model =
        call.model_id.empty() ? calls::whole_target(call.upstream_host, call.target) : call.model_id;
    std::string state = call.status ? std::to_string(*call.status) : "-";
    if (call.outcome != "complete") state += "!";
    std::cout << fmt::format("{:<26}  {:<19}  {:>6}  {:<15}  {:>7}  {:>7}  {:>9}  {}{}\n", call.id,
                             call.started_at.substr(0, 19), state, cell(what, 15), number(call.input_tokens),
                             number(call.output_tokens), call.total_ms ? fmt::format("{:.1f}", *call.total_ms) : "-",
                             cell(model, room), call.error_code.empty() ? "" : "  " + cell(call.error_code, 30));
  }
  return 0;
}

int calls_show(const CommandLine& line, const CallsOptions& options) {
  int status = 0;
  const auto reader = open_store(line, &status);
  if (!reader) return status;
  const auto record = reader->find_json(options.id);
  if (!record) {
    std::cerr << "borehole: " << record.error().detail << '\n';
    return 1;
  }
  std::cout << (options.json ? *record + "\n" : readable(*record));
  return 0;
}

}  // namespace

void add_calls(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<CallsOptions>();
  auto* calls = app.add_subcommand("calls", "the recorded calls");
  calls->fallthrough();
  calls->require_subcommand(0, 1);
  const auto chosen = [&line, options](const char* name, int (*run)(const CommandLine&, const CallsOptions&)) {
    return [&line, options, name, run] {
      line.command = name;
      line.run = [options, run](const CommandLine& given) { return run(given, *options); };
    };
  };
  const auto filters = [&](CLI::App* command) {
    store::CallFilter& filter = options->filter;
    command->add_option("--model", filter.model, "only calls of this model (a part of its id is enough)");
    command->add_option("--operation", filter.operation, "only this operation, e.g. Converse");
    command->add_option_function<std::string>(
        "--status",
        [&filter](const std::string& text) {
          if (store::choose_status(filter, text)) return;
          throw CLI::ValidationError("--status", "a status (429), a class of them (4xx) or `error` is wanted");
        },
        "only this HTTP status (429), this class (4xx), or `error`: 400 and above, or not complete");
    command->add_option("--outcome", filter.outcome, "complete, client_aborted, upstream_failed or refused");
    command->add_option("--access-key", filter.access_key, "only calls signed with this access key id");
    command->add_option("--text", filter.text, "only calls whose record holds this text");
    command->add_option("-n,--limit", filter.limit, "at most so many, the newest")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    command->add_flag("--json", options->json, "whole records, one JSON object a line");
  };
  calls->callback([&line, calls, list = chosen("calls list", calls_list)] {
    if (calls->get_subcommands().empty()) list();
  });
  auto* list = calls->add_subcommand("list", "the newest calls, one a line");
  filters(list);
  list->callback(chosen("calls list", calls_list));
  auto* show = calls->add_subcommand("show", "one call, whole");
  show->add_option("id", options->id, "the call's id, or the beginning of it")->required()->type_name("ID");
  show->add_flag("--json", options->json, "the record as one JSON object");
  show->callback(chosen("calls show", calls_show));
}

}  // namespace borehole::app
