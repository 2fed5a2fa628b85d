// `borehole calls stats`.
#include <fmt/format.h>
#include <unistd.h>

#include "app/calls_options.h"
#include "app/line_output.h"
#include "app/table.h"
#include "app/terminal_text.h"
#include "calls/utf8.h"

namespace borehole::app {

namespace {

using store::CallGroup;

std::string number_cell(const std::optional<std::uint64_t>& value) { return value ? std::to_string(*value) : "-"; }
std::string number_cell(const std::optional<double>& value) { return value ? fmt::format("{:.1f}", *value) : "-"; }
std::string json_number(const std::optional<std::uint64_t>& value) { return value ? std::to_string(*value) : "null"; }
std::string json_number(const std::optional<double>& value) { return value ? fmt::format("{:.3f}", *value) : "null"; }

// "2026-01-02T04:00:00+01:00" as "2026-01-02 04:00" or "2026-01-02".
std::string shown_key(const std::string& key, store::GroupBy by) {
  if (key.empty()) return "unknown";
  if (by == store::GroupBy::day) return key.substr(0, 10);
  if (by == store::GroupBy::hour) return key.substr(0, 10) + " " + key.substr(11, 5);
  return harmless(key);
}

std::string cost(const CallGroup& group) {
  if (group.with_cost == 0) return "-";
  return group.cost.text() + (group.with_cost < group.calls ? "+" : "");
}

std::string percent(double share) { return fmt::format("{:.1f}", share * 100); }

std::vector<Cell> cells(std::string key, const CallGroup& group, bool colours) {
  return {{std::move(key), {}},
          {std::to_string(group.calls), {}},
          {std::to_string(group.errors), colours && group.errors > 0 ? red : std::string_view()},
          {std::to_string(group.throttles), {}},
          {number_cell(group.input_tokens), {}},
          {number_cell(group.output_tokens), {}},
          {number_cell(group.cache_read_tokens), {}},
          {number_cell(group.cache_write_tokens), {}},
          {cost(group), {}},
          {number_cell(group.total_ms.p50), {}},
          {number_cell(group.total_ms.p95), {}},
          {number_cell(group.total_ms.p99), {}},
          {number_cell(group.first_token_ms.p50), {}},
          {number_cell(group.first_token_ms.p95), {}},
          {number_cell(group.first_token_ms.p99), {}},
          {percent(group.throttle_rate()), colours && group.throttles > 0 ? red : std::string_view()},
          {std::to_string(group.retried), {}},
          {std::to_string(group.gave_up), colours && group.gave_up > 0 ? red : std::string_view()}};
}

std::string title_of(store::GroupBy by) {
  std::string title(by == store::GroupBy::key ? "access key" : store::group_by_name(by));
  for (char& c : title) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return title;
}

std::string as_table(const store::CallStatistics& statistics, const CallsOptions& options, const Screen& screen) {
  const store::GroupBy by = options.group_by;
  const auto counted = [&](const char* title, std::size_t least, int rank) {
    return Column{title, true, Column::Shorten::never, screen.terminal ? 0 : least, rank};
  };
  Table table({{title_of(by), false, Column::Shorten::in_the_middle, screen.terminal ? 16U : 50U, 0},
               counted("CALLS", 8, 0),
               counted("ERRORS", 8, 1),
               counted("THROTTLED", 9, 7),
               counted("IN", 12, 3),
               counted("OUT", 12, 2),
               counted("CACHE READ", 12, 8),
               counted("WRITTEN", 12, 9),
               counted("USD", 12, 4),
               counted("P50 MS", 9, 5),
               counted("P95", 9, 6),
               counted("P99", 9, 6),
               counted("TOKEN P50", 9, 10),
               counted("P95", 9, 11),
               counted("P99", 9, 11),
               counted("THROTTLED %", 11, 6),
               counted("RETRIED", 8, 7),
               counted("GAVE UP", 8, 7)});
  for (const CallGroup& group : statistics.groups) {
    const std::string key = by == store::GroupBy::key ? named_key(options, group.key) : group.key;
    table.add(cells(shown_key(key, by), group, screen.colours));
  }
  table.add(cells("total", statistics.total, screen.colours));
  std::string out = table.text(screen.width);
  if (statistics.total.with_cost > 0 && statistics.total.with_cost < statistics.total.calls) {
    out += fmt::format("USD with +: the cost of {} of {} calls is not known\n",
                       statistics.total.calls - statistics.total.with_cost, statistics.total.calls);
  }
  return out;
}

std::string json_percentiles(const store::Percentiles& of) {
  return fmt::format(R"({{"p50":{},"p95":{},"p99":{}}})", json_number(of.p50), json_number(of.p95),
                     json_number(of.p99));
}

// `key` null: not known, or the total.
std::string as_json(std::string_view by, const std::string& key, const std::string& alias, const CallGroup& group) {
  std::string quoted = key.empty() ? "null" : calls::json_string(key);
  if (!alias.empty()) quoted += ",\"alias\":" + calls::json_string(alias);
  return fmt::format(
      R"({{"by":"{}","key":{},"calls":{},"errors":{},"throttles":{},"input_tokens":{},"output_tokens":{},)"
      R"("cache_read_tokens":{},"cache_write_tokens":{},"cost_usd":{},"calls_with_cost":{},)"
      R"("total_ms":{},"first_token_ms":{},"throttle_rate":{},"retried":{},"gave_up":{}}})"
      "\n",
      by, quoted, group.calls, group.errors, group.throttles, json_number(group.input_tokens),
      json_number(group.output_tokens), json_number(group.cache_read_tokens), json_number(group.cache_write_tokens),
      group.with_cost == 0 ? "null" : fmt::format("\"{}\"", group.cost.text()), group.with_cost,
      json_percentiles(group.total_ms), json_percentiles(group.first_token_ms),
      group.calls == 0 ? "null" : fmt::format("{:.4f}", group.throttle_rate()), group.retried, group.gave_up);
}

}  // namespace

int calls_stats(const CallsOptions& options) {
  int status = 0;
  const auto reader = open_store(options, status);
  if (!reader) return status;
  const auto statistics = reader->statistics(options.filter, options.group_by);
  if (!statistics) return failed(statistics.error());
  LineOutput out(STDOUT_FILENO, "stdout");
  if (options.json) {
    for (const CallGroup& group : statistics->groups) {
      const bool keys = options.group_by == store::GroupBy::key;
      out.put(as_json(store::group_by_name(options.group_by), group.key,
                      keys ? alias_of(options, group.key) : std::string(), group));
    }
    out.put(as_json("total", {}, {}, statistics->total));
  } else if (statistics->total.calls > 0) {
    out.put(as_table(*statistics, options, screen_of(STDOUT_FILENO)));
  } else {
    out.put(options.filtered() ? std::string("no calls match\n") : fmt::format("no calls yet; {}\n", how_to_send));
  }
  return told_of_unreadable(reader->unreadable(), out.finish());
}

}  // namespace borehole::app
