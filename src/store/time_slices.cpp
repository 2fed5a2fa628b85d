#include "store/time_slices.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>

#include "store/call_totals.h"
#include "store/schema.h"

namespace borehole::store {

namespace {

constexpr std::int64_t newest_calls = 10'000;
constexpr std::int64_t most_uncounted = 100'000;  // calls that the totals do not have, and that are walked through
constexpr std::size_t spans_at_once = 64;
// What is looked at first, and then in those that may have some.
constexpr std::size_t span_level = 2;
constexpr std::int64_t span = totals_lengths[span_level].count(), quarter = totals_lengths[0].count();

}  // namespace

Result<std::optional<TimeSlices>> TimeSlices::open(const Database& database, std::int64_t schema,
                                                   const CallFilter& filter, std::int64_t end) {
  std::optional<TimeSlices> none;
  if (schema < first_version_with_totals) return none;
  // Of the totals of sessions only their column is asked.
  CallFilter asked;
  if (filter.session) {
    asked.session = filter.session;
  } else {
    asked = filter;
    asked.since.reset();
    asked.until.reset();
  }
  CallConditions conditions = conditions_of(asked, schema);
  if (conditions.sql.empty()) return none;
  const auto newest = database.integer(
      fmt::format("SELECT started_us FROM calls ORDER BY started_us DESC LIMIT 1 OFFSET {}", newest_calls));
  if (!newest) return unexpected(newest.error());
  if (*newest == 0) return none;  // so few that they are walked through
  // What is not counted yet began lately, but for calls that took long: walked through are all since the first of them.
  const auto uncounted = database.integer(
      fmt::format("SELECT CASE WHEN (SELECT max(seq) FROM calls) - seq > {} THEN -1 ELSE coalesce((SELECT "
                  "min(started_us) FROM calls NOT INDEXED WHERE calls.seq > totals_done.seq), {}) END FROM totals_done",
                  most_uncounted, *newest));
  if (!uncounted) return unexpected(uncounted.error());
  if (*uncounted == -1) return none;
  const auto part = static_cast<int>(filter.session ? TotalsPart::session : TotalsPart::kind);
  Slice wanted{std::numeric_limits<std::int64_t>::min(), end};
  if (filter.since) wanted.first = filter.since->time_since_epoch().count();
  if (filter.until) wanted.end = std::min(wanted.end, std::int64_t{filter.until->time_since_epoch().count()});
  return std::optional<TimeSlices>(
      TimeSlices(database, std::move(conditions), part, wanted, std::min(*newest, *uncounted)));
}

TimeSlices::TimeSlices(const Database& database, CallConditions conditions, int part, Slice wanted, std::int64_t newest)
    : database_(&database),
      conditions_(std::move(conditions)),
      part_(part),
      wanted_(wanted),
      before_(std::min(newest, wanted.end)) {
  if (wanted.end > newest) newest_ = Slice{newest, wanted.end};
}

// When times of this level begin that have calls which may fit, from `first` on and before `end`.
Result<std::deque<std::int64_t>> TimeSlices::starts(std::size_t level, std::int64_t first, std::int64_t end,
                                                    std::size_t most) {
  auto statement = database_->prepare(
      fmt::format("SELECT DISTINCT total.start FROM call_kinds AS call CROSS JOIN call_totals AS total ON total.kind = "
                  "call.kind AND level = {} AND total.start >= {} AND total.start < {} WHERE part = {}{} "
                  "ORDER BY total.start DESC LIMIT {}",
                  level, first, end, part_, conditions_.sql, most));
  if (!statement) return unexpected(statement.error());
  conditions_.bind(*statement);
  std::deque<std::int64_t> out;
  Statement::Row row{};
  for (row = statement->step(); row == Statement::Row::row; row = statement->step()) {
    out.push_back(statement->integer(0));
  }
  if (row == Statement::Row::failed || database_->too_late()) return unexpected(database_->error("read"));
  return out;
}

Result<std::optional<TimeSlices::Slice>> TimeSlices::next() {
  if (newest_) return std::exchange(newest_, std::nullopt);
  while (quarters_.empty()) {
    if (spans_.empty() && more_spans_) {
      auto spans = starts(span_level, std::max(wanted_.first, std::numeric_limits<std::int64_t>::min() + span) - span,
                          before_, spans_at_once);
      if (!spans) return unexpected(std::move(spans).error());
      spans_ = *std::move(spans);
      more_spans_ = spans_.size() == spans_at_once;
    }
    if (spans_.empty()) return std::optional<Slice>();
    const std::int64_t start = spans_.front();
    spans_.pop_front();
    before_ = std::min(before_, start + span);
    auto quarters = starts(0, start, before_, static_cast<std::size_t>(span / quarter));
    if (!quarters) return unexpected(std::move(quarters).error());
    quarters_ = *std::move(quarters);
  }
  // Quarters that touch are one slice.
  Slice slice{quarters_.front(), std::min(quarters_.front() + quarter, before_)};
  quarters_.pop_front();
  while (!quarters_.empty() && quarters_.front() == slice.first - quarter) {
    slice.first = quarters_.front();
    quarters_.pop_front();
  }
  before_ = slice.first;
  return std::optional<Slice>(slice);
}

}  // namespace borehole::store
