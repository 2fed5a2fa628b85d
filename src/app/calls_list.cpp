// `borehole calls list`.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "app/calls_options.h"
#include "app/line_output.h"
#include "app/moments.h"
#include "app/record_output.h"
#include "app/table.h"
#include "app/terminal_text.h"
#include "calls/call_record.h"

namespace borehole::app {

namespace {

constexpr std::size_t usual_limit = 50;
constexpr std::size_t whole_id = 26;
constexpr std::size_t roomy = 130;  // columns of a terminal that has room for whole ids

std::string number(const std::optional<std::uint64_t>& value) { return value ? std::to_string(*value) : "-"; }

std::string shown(const std::string& text) { return text.empty() ? "-" : harmless(text); }

Cell status_cell(const store::CallSummary& call, bool colours) {
  const bool good = call.outcome == "complete" && call.status.value_or(0) < 400;
  std::string text = call.status ? std::to_string(*call.status) : "-";
  if (call.outcome != "complete") text += "!";
  return Cell{std::move(text), !colours ? std::string_view() : good ? green : red};
}

std::string error_of(const store::CallSummary& call) {
  if (!call.error_code.empty()) return harmless(call.error_code);
  if (!call.error_type.empty()) return harmless(call.error_type);
  return call.outcome == "complete" ? "-" : harmless(call.outcome);
}

std::string key_of(const store::CallSummary& call, const CallsOptions& options) {
  std::string alias = alias_of(options, call.access_key_id);
  return alias.empty() ? call.access_key_id : alias;
}

// How many attempts the invocation took; of a list of attempts, which one this is.
std::string tries(const store::CallSummary& call, const CallsOptions& options) {
  if (options.attempts) return call.attempt ? std::to_string(*call.attempt) : "-";
  return call.attempts > 1 ? std::to_string(*call.attempts) : "-";
}

// As much of the ids as tells them apart in this list.
std::size_t telling_length(const std::vector<store::CallSummary>& calls) {
  std::vector<std::string> ids;
  ids.reserve(calls.size());
  for (const auto& call : calls) ids.push_back(call.id);
  std::sort(ids.begin(), ids.end());
  std::size_t length = 13;  // the time and fifteen random bits
  for (std::size_t i = 1; i < ids.size(); ++i) {
    const auto& [a, b] = std::pair(ids[i - 1], ids[i]);
    const auto same = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
    length = std::max(length, same + 1);
  }
  return std::min(length, whole_id);
}

Table table_of(const std::vector<store::CallSummary>& calls, const CallsOptions& options, const Screen& screen) {
  using Shorten = Column::Shorten;
  const WallTime now = SystemClock().wall();
  // Ranks and shortening count on a terminal only, least widths elsewhere too: there every column has its place.
  std::vector<Column> columns{{"ID", false, Shorten::never, screen.terminal ? 0 : whole_id, 0},
                              {"STARTED", screen.terminal, Shorten::never, screen.terminal ? 0U : 20U, 1},
                              {"STATUS", true, Shorten::never, 6, 0},
                              {"OPERATION", false, Shorten::at_the_end, screen.terminal ? 8U : 29U, 2},
                              {"MODEL", false, Shorten::in_the_middle, screen.terminal ? 16U : 60U, 0},
                              {"IN", true, Shorten::never, screen.terminal ? 0U : 8U, 5},
                              {"OUT", true, Shorten::never, screen.terminal ? 0U : 8U, 4},
                              {"MS", true, Shorten::never, screen.terminal ? 0U : 10U, 3},
                              {"USD", true, Shorten::never, screen.terminal ? 0U : 12U, 7},
                              {"SDK", false, Shorten::at_the_end, screen.terminal ? 6U : 12U, 8},
                              {"KEY", false, Shorten::at_the_end, screen.terminal ? 8U : 20U, 9},
                              {options.attempts ? "TRY" : "TRIES", true, Shorten::never, 0, 3},
                              {"ALL MS", true, Shorten::never, screen.terminal ? 0U : 10U, 4},
                              {"ERROR", false, Shorten::at_the_end, screen.terminal ? 12U : 0U, 6}};
  const std::size_t id_length = screen.width == 0 || screen.width >= roomy ? whole_id : telling_length(calls);
  std::vector<std::vector<Cell>> rows;
  for (const auto& call : calls) {
    const std::string model =
        call.model_id.empty() ? calls::whole_target(call.upstream_host, call.target) : call.model_id;
    const std::string error = error_of(call);
    rows.push_back({{harmless(call.id.substr(0, id_length)), {}},
                    {screen.terminal ? local_time(call.started, now) : call.started_at.substr(0, 19) + "Z",
                     screen.colours ? dim : std::string_view()},
                    status_cell(call, screen.colours),
                    {shown(call.operation.empty() ? call.method : call.operation), {}},
                    {shown(model), {}},
                    {number(call.input_tokens), {}},
                    {number(call.output_tokens), {}},
                    {call.total_ms ? fmt::format("{:.1f}", *call.total_ms) : "-", {}},
                    {call.cost_usd ? harmless(*call.cost_usd) : "-", {}},
                    {shown(call.sdk), {}},
                    {shown(key_of(call, options)), {}},
                    {tries(call, options), {}},
                    {call.attempts > 1 && call.attempts_ms ? fmt::format("{:.1f}", *call.attempts_ms) : "-", {}},
                    {error, screen.colours && error != "-" ? red : std::string_view()}});
  }
  // On a terminal a column in which nothing stands takes no room.
  for (std::size_t i = columns.size(); screen.terminal && i-- > 0;) {
    if (!std::all_of(rows.begin(), rows.end(), [i](const auto& row) { return row[i].text == "-"; })) continue;
    columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(i));
    for (auto& row : rows) row.erase(row.begin() + static_cast<std::ptrdiff_t>(i));
  }
  Table table(std::move(columns));
  for (auto& row : rows) table.add(std::move(row));
  return table;
}

}  // namespace

int calls_list(const CallsOptions& options) {
  int status = 0;
  const auto reader = open_store(options, status);
  if (!reader) return status;
  store::CallFilter filter = options.filter;
  filter.limit = options.limit.value_or(usual_limit);
  if (options.json) {
    LineOutput out(STDOUT_FILENO, "stdout");
    return write_records(*reader, filter, store::CallOrder::newest_first, exporting::Format::jsonl, out);
  }
  filter.last_attempts = !options.attempts;
  const auto calls = reader->list(filter);
  if (!calls) return failed(calls.error());
  LineOutput out(STDOUT_FILENO, "stdout");
  if (!calls->empty()) {
    const Screen screen = screen_of(STDOUT_FILENO);
    out.put(table_of(*calls, options, screen).text(screen.width));
    return told_of_unreadable(reader->unreadable(), out.finish());
  }
  const auto newest = reader->newest();
  if (!newest) return failed(newest.error());
  if (newest->id.empty()) {
    out.put(fmt::format("no calls yet; {}\n", how_to_send));
  } else if (filter.limit > 0) {
    out.put("no calls match; `borehole calls list` without filters shows the newest of all\n");
  }
  return told_of_unreadable(reader->unreadable(), out.finish());
}

}  // namespace borehole::app
