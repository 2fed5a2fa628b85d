#include "app/calls_command.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "app/foundation.h"
#include "app/readable_json.h"
#include "base/log.h"
#include "calls/call_record.h"
#include "store/call_store.h"

namespace borehole::app {

namespace {

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

}  // namespace

int calls_list(const CommandLine& line) {
  int status = 0;
  const auto reader = open_store(line, &status);
  if (!reader) return status;
  store::CallFilter filter;
  filter.model = line.calls.model;
  filter.operation = line.calls.operation;
  filter.outcome = line.calls.outcome;
  filter.access_key = line.calls.access_key;
  filter.text = line.calls.text;
  filter.status = line.calls.status;
  filter.limit = line.calls.limit;
  if (line.calls.json) {
    const auto records = reader->list_json(filter);
    if (!records) {
      std::cerr << "borehole: " << records.error().detail << '\n';
      return 1;
    }
    for (const auto& record : *records) std::cout << record << '\n';
    return 0;
  }
  const auto calls = reader->list(filter);
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

int calls_show(const CommandLine& line) {
  int status = 0;
  const auto reader = open_store(line, &status);
  if (!reader) return status;
  const auto record = reader->find_json(*line.calls.id);
  if (!record) {
    std::cerr << "borehole: " << record.error().detail << '\n';
    return 1;
  }
  std::cout << (line.calls.json ? *record + "\n" : readable(*record));
  return 0;
}

}  // namespace borehole::app
