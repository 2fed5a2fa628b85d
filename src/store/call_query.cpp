#include "store/call_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "calls/utf8.h"
#include "store/schema.h"

namespace borehole::store {

namespace {

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string json_escaped(std::string_view text) {
  std::string quoted;
  calls::append_json_string(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

// Access key ids are written in capitals, names of API keys are not.
void with_keys(CallConditions& out, const CallFilter& filter) {
  if (!filter.access_key) return;
  out.texts.push_back(*filter.access_key);
  out.sql += fmt::format(" AND access_key_id IN (?{0}, upper(?{0})", out.texts.size());
  for (const std::string& key : filter.aliased_keys) {
    out.texts.push_back(key);
    out.sql += fmt::format(", ?{}", out.texts.size());
  }
  out.sql += ')';
}

}  // namespace

bool choose_status(CallFilter& filter, std::string_view text) {
  const std::string lower = folded(text);
  if (lower == "error" || lower == "errors") {
    filter.errors = true;
    return true;
  }
  const auto digit = [&](std::size_t at) { return lower[at] >= '0' && lower[at] <= '9'; };
  if (lower.size() != 3 || lower[0] < '1' || lower[0] > '9') return false;
  if (lower.substr(1) == "xx") {
    const int first = (lower[0] - '0') * 100;
    filter.status = StatusRange(first, first + 99);
    return true;
  }
  if (!digit(1) || !digit(2)) return false;
  filter.status = StatusRange((lower[0] - '0') * 100 + (lower[1] - '0') * 10 + (lower[2] - '0'));
  return true;
}

void CallConditions::bind(Statement& statement) const {
  for (std::size_t i = 0; i < texts.size(); ++i) statement.bind_text(static_cast<int>(i) + 1, texts[i]);
}

std::string_view later_column(std::string_view name, std::int64_t version) noexcept {
  struct Later {
    std::string_view name;
    std::int64_t version;
  };
  static constexpr std::array<Later, 13> later{{{"session_id", 2},
                                                {"sdk", 3},
                                                {"error_type", 3},
                                                {"cache_read_tokens", 3},
                                                {"cache_write_tokens", 3},
                                                {"invocation_id", 5},
                                                {"attempt", 5},
                                                {"first_token_ms", 5},
                                                {"process_pid", 5},
                                                {"process_name", 5},
                                                {"app_id", 5},
                                                {"framework", 5},
                                                {"session_name", 5}}};
  const auto* const found =
      std::find_if(later.begin(), later.end(), [&](const Later& one) { return one.name == name; });
  return found == later.end() || version >= found->version ? name : "NULL";
}

std::string calls_and_origins(std::int64_t version, bool scanned) {
  return fmt::format(
      "calls AS call{}{}", scanned ? " NOT INDEXED" : "",
      version < first_version_with_origins ? "" : " LEFT JOIN call_origins AS origin ON of_call = call.seq");
}

std::string last_attempt_condition(const CallConditions& conditions, std::int64_t version) {
  if (version < first_version_with_origins) return {};
  // The columns in `conditions` are those of the inner `calls`. CROSS: in this order. What has the same number is
  // another invocation, of a client that gives all the same id.
  return fmt::format(
      " AND NOT EXISTS (SELECT 1 FROM attempts CROSS JOIN call_origins AS later ON later.of_call = attempts.call "
      "CROSS JOIN calls ON calls.seq = attempts.call WHERE attempts.invocation = origin.invocation_id AND "
      "(attempts.start, attempts.call) > (call.started_us, call.seq) AND "
      "coalesce(later.attempt > origin.attempt, 1){})",
      conditions.sql);
}

CallConditions conditions_of(const CallFilter& filter, std::int64_t version) {
  CallConditions out;
  // `?` stands for the value, once.
  const auto with = [&](const std::optional<std::string>& value, std::string_view condition) {
    if (!value) return;
    out.texts.push_back(*value);
    const auto mark = condition.find('?');
    out.sql += fmt::format(" AND {}?{}{}", condition.substr(0, mark), out.texts.size(), condition.substr(mark + 1));
  };
  with(filter.model, "instr(lower(model_id), lower(?)) > 0");
  with(filter.operation, "operation = ? COLLATE NOCASE");
  with(filter.outcome, "outcome = ? COLLATE NOCASE");
  with(filter.way_in, "way_in = ? COLLATE NOCASE");
  with(filter.region, "region = ? COLLATE NOCASE");
  with(filter.sdk, fmt::format("instr(lower({}), lower(?)) > 0", later_column("sdk", version)));
  with(filter.host, "instr(lower(upstream_host), lower(?)) > 0");
  with_keys(out, filter);
  with(filter.session, fmt::format("{} = ? COLLATE NOCASE", later_column("session_id", version)));
  if (filter.status) {
    out.sql += fmt::format(" AND status BETWEEN {} AND {}", filter.status->first, filter.status->last);
  }
  if (filter.errors) out.sql += " AND (status >= 400 OR outcome <> 'complete')";
  if (filter.since) out.sql += fmt::format(" AND started_us >= {}", filter.since->time_since_epoch().count());
  if (filter.until) out.sql += fmt::format(" AND started_us < {}", filter.until->time_since_epoch().count());
  return out;
}

TextFilter::TextFilter(std::string_view text) {
  const std::string once = json_escaped(text);
  for (const std::string& form : {std::string(text), once, json_escaped(once)}) {
    std::string needle = folded(form);
    if (std::find(forms_.begin(), forms_.end(), needle) == forms_.end()) forms_.push_back(std::move(needle));
  }
}

bool TextFilter::matches(std::string_view json) const {
  const std::string hay = folded(json);
  return std::any_of(forms_.begin(), forms_.end(),
                     [&](const std::string& form) { return hay.find(form) != std::string::npos; });
}

}  // namespace borehole::store
