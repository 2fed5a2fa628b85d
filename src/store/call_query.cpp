#include "store/call_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "calls/utf8.h"

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
  return version >= (name == "session_id" ? 2 : 3) ? name : "NULL";
}

CallConditions conditions_of(const CallFilter& filter, std::int64_t version) {
  CallConditions out;
  const auto with = [&](const std::optional<std::string>& value, std::string_view condition) {
    if (!value) return;
    out.sql += " AND ";
    out.sql += condition;
    out.texts.push_back(*value);
  };
  with(filter.model, "instr(lower(model_id), lower(?)) > 0");
  with(filter.operation, "operation = ? COLLATE NOCASE");
  with(filter.outcome, "outcome = ? COLLATE NOCASE");
  with(filter.way_in, "way_in = ? COLLATE NOCASE");
  with(filter.access_key, "access_key_id = upper(?)");  // they are written in capitals
  with(filter.region, "region = ? COLLATE NOCASE");
  with(filter.sdk, fmt::format("instr(lower({}), lower(?)) > 0", later_column("sdk", version)));
  with(filter.host, "instr(lower(upstream_host), lower(?)) > 0");
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
