#include "store/statistics_query.h"

#include <fmt/format.h>

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "store/call_query.h"
#include "store/call_sums_blob.h"
#include "store/call_totals.h"
#include "store/counted_row.h"
#include "store/schema.h"
#include "store/summary_row.h"

namespace borehole::store {

namespace {

// Of the times of this level most are of one day, whatever the zone.
constexpr std::size_t day_level = 1;
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

std::string_view key_column(GroupBy by, std::int64_t version) {
  switch (by) {
    case GroupBy::model: return "model_id";
    case GroupBy::operation: return "operation";
    case GroupBy::status: return "status";
    case GroupBy::key: return "access_key_id";
    case GroupBy::sdk: return later_column("sdk", version);
    case GroupBy::host: return "upstream_host";
    case GroupBy::outcome: return "outcome";
    case GroupBy::process:
      return version >= first_version_with_origins ? "process_name || '[' || process_pid || ']'" : "NULL";
    case GroupBy::app: return later_column("app_id", version);
    case GroupBy::framework: return later_column("framework", version);
    case GroupBy::session: return later_column("session_id", version);
    case GroupBy::region: return "region";
    case GroupBy::hour:
    case GroupBy::day: break;
  }
  return "NULL";
}

bool by_time(GroupBy by) noexcept { return by == GroupBy::hour || by == GroupBy::day; }

// Microseconds since 1970: from `first` on, before `end`.
struct Times {
  std::int64_t first = least, end = most;
  bool empty() const noexcept { return first >= end; }
  std::string condition(std::string_view column) const {
    std::string out;
    if (first != least) out += fmt::format(" AND {} >= {}", column, first);
    if (end != most) out += fmt::format(" AND {} < {}", column, end);
    return out;
  }
  // What of it is whole units of this length. An open end stays open.
  Times whole(std::chrono::microseconds length) const noexcept {
    Times out = *this;
    if (first != least && first != beginning(first, length)) out.first = beginning(first, length) + length.count();
    if (end != most) out.end = beginning(end, length);
    return out;
  }
};

// The part of the totals that answers, if one does.
std::optional<TotalsPart> part_for(const CallFilter& filter, bool filtered, GroupBy by) {
  if (filter.text) return std::nullopt;
  CallFilter of_session;
  of_session.session = filter.session;
  of_session.since = filter.since;
  of_session.until = filter.until;
  if (!filtered && by == GroupBy::process) return TotalsPart::process;
  if (!filtered && by == GroupBy::session) return TotalsPart::session;
  if (!filtered && by_time(by)) return TotalsPart::all;
  if (by == GroupBy::process || by == GroupBy::session || filter.session) return std::nullopt;
  return TotalsPart::kind;
}

class Reading {
 public:
  Reading(const Database& database, std::int64_t schema, const CallFilter& filter, GroupBy by, StoredRecords& records,
          std::uint64_t& unreadable, std::int64_t one_by_one)
      : database_(database),
        schema_(schema),
        filter_(filter),
        by_(by),
        records_(records),
        unreadable_(unreadable),
        few_(one_by_one),
        conditions_(conditions_of(filter, schema)),
        key_(key_column(by, schema)),
        count_(by) {
    CallFilter timeless = filter;
    timeless.since.reset();
    timeless.until.reset();
    timeless_ = conditions_of(timeless, schema);
    if (filter.since) asked_.first = filter.since->time_since_epoch().count();
    if (filter.until) asked_.end = filter.until->time_since_epoch().count();
    if (filter.text) text_.emplace(*filter.text);
  }

  Result<CallStatistics> read() {
    auto read = schema_ >= first_version_with_totals ? with_totals() : Result<bool>(false);
    if (!read) return unexpected(std::move(read).error());
    if (*read) return count_.take();
    count_ = StatisticsCount(by_);
    if (auto all = one_by_one(conditions_.sql); !all) return unexpected(all.error());
    return count_.take();
  }

 private:
  // False: the totals do not answer this, or are damaged.
  Result<bool> with_totals() {
    const auto part = part_for(filter_, !timeless_.sql.empty(), by_);
    const Times quarters = asked_.whole(totals_lengths[0]);
    if (!part || quarters.empty()) return false;
    const auto few = database_.integer(fmt::format("SELECT count(*) FROM (SELECT 1 FROM calls WHERE 1{} LIMIT {})",
                                                   asked_.condition("started_us"), few_ + 1));
    if (!few) return unexpected(few.error());
    if (*few <= few_) return false;
    const auto done = database_.integer("SELECT seq FROM totals_done");
    if (!done) return unexpected(done.error());
    auto summed = totals(*part,
                         by_ == GroupBy::hour  ? 0
                         : by_ == GroupBy::day ? day_level
                                               : totals_lengths.size() - 1,
                         quarters);
    if (!summed || !*summed) return summed;
    if (!timeless_.sql.empty() || asked_.end != most) {
      if (auto more = retried(quarters, *done); !more) return unexpected(more.error());
    }
    const std::string counted = fmt::format(" AND +call.seq <= {}", *done);
    for (const Times& edge : {Times{asked_.first, quarters.first}, Times{quarters.end, asked_.end}}) {
      if (edge.empty()) continue;
      // Without the filter's own bounds: SQLite would walk along those.
      if (auto read = one_by_one(timeless_.sql + edge.condition("call.started_us") + counted); !read)
        return unexpected(read.error());
    }
    if (auto rest = one_by_one(fmt::format("{} AND call.seq > {}", conditions_.sql, *done), true); !rest)
      return unexpected(rest.error());
    return true;
  }

  // Runs `sql`, whose parameters are those of `conditions`, for its rows, until `take` has had enough.
  template <class Take>
  Result<void> rows(const std::string& sql, const CallConditions& conditions, Take&& take) {
    auto statement = database_.prepare(sql);
    if (!statement) return unexpected(statement.error());
    conditions.bind(*statement);
    for (;;) {
      const auto row = statement->step();
      if (row == Statement::Row::failed || database_.too_late()) return unexpected(database_.error("read"));
      if (row == Statement::Row::done || !take(*statement)) return {};
    }
  }

  // As much of these times as is whole at this level, and what is left at those below. False: damaged.
  Result<bool> totals(TotalsPart part, std::size_t level, const Times& times) {
    const Times whole = times.whole(totals_lengths.at(level));
    if (whole.empty()) return level == 0 ? Result<bool>(true) : totals(part, level - 1, times);
    auto summed = level_totals(part, level, whole);
    for (const Times& edge : {Times{times.first, whole.first}, Times{whole.end, times.end}}) {
      if (!summed || !*summed || level == 0 || edge.empty()) continue;
      summed = totals(part, level - 1, edge);
    }
    return summed;
  }

  Result<bool> level_totals(TotalsPart part, std::size_t level, const Times& times) {
    bool whole = true;
    std::map<std::int64_t, bool> of_two_days;  // times that are, by their beginning
    const auto split = [&](std::int64_t start) {
      if (by_ != GroupBy::day || level == 0) return false;
      const auto found = of_two_days.find(start);
      if (found != of_two_days.end()) return found->second;
      const WallTime first{std::chrono::microseconds(start)};
      const WallTime last = first + totals_lengths.at(level) - std::chrono::microseconds(1);
      return of_two_days[start] = !on_one_day(first, last);
    };
    auto read = rows(fmt::format("SELECT {}, total.start, sums FROM call_kinds AS call CROSS JOIN call_totals AS total "
                                 "ON total.kind = call.kind AND level = {}{} WHERE part = {}{}",
                                 key_, level, times.condition("total.start"), static_cast<int>(part), timeless_.sql),
                     timeless_, [&](const Statement& row) {
                       if (split(row.integer(1))) return true;
                       const auto sums = decode_sums(row.octets(2));
                       whole = sums.has_value();
                       if (!whole) return false;
                       count_.add(row.octets(0), WallTime(std::chrono::microseconds(row.integer(1))), *sums);
                       return true;
                     });
    if (!read) return unexpected(std::move(read).error());
    for (const auto& [start, of_two] : of_two_days) {
      if (!of_two || !whole) continue;
      auto parts = level_totals(part, 0, Times{start, start + totals_lengths.at(level).count()});
      if (!parts) return parts;
      whole = *parts;
    }
    return whole;
  }

  // The totals know which attempt is the last of all. Beside those that are and fit, others count that fit, while none
  // of the later ones does.
  Result<void> retried(const Times& times, std::int64_t done) {
    return rows(
        fmt::format(
            "SELECT {} FROM retries CROSS JOIN calls AS call ON call.seq = retries.call "
            "LEFT JOIN call_origins AS origin ON of_call = call.seq WHERE last = 0 AND retries.call <= {}{}{}{}",
            counted_columns(key_, schema_), done, times.condition("retries.start"), conditions_.sql,
            last_attempt_condition(conditions_, schema_)),
        conditions_, [&](const Statement& row) {
          const CountedCall call = read_counted(row);
          count_.add_retried(call.key, call.started_at, call.failed() || call.throttled());
          return true;
        });
  }

  // `which`: those that are meant. `in_order`: by no index but the order of writing.
  Result<void> one_by_one(const std::string& which, bool in_order = false) {
    const std::string last_of_several =
        schema_ >= first_version_with_origins
            ? fmt::format("CASE WHEN attempt > 1 THEN 1{} END", last_attempt_condition(conditions_, schema_))
            : "NULL";
    return rows(fmt::format("SELECT {}, {}{} FROM {} WHERE 1{}", counted_columns(key_, schema_), last_of_several,
                            text_ ? ", record" : "", calls_and_origins(schema_, in_order), which),
                conditions_, [&](const Statement& row) {
                  if (text_) {
                    const auto record = records_.unpack(row.octets(counted_column_count + 1));
                    if (!record) ++unreadable_;
                    if (!record || !text_->matches(*record)) return true;
                  }
                  CountedCall call = read_counted(row);
                  call.last_of_several = row.integer(counted_column_count) != 0;
                  count_.add(call);
                  return true;
                });
  }

  const Database& database_;
  std::int64_t schema_;
  const CallFilter& filter_;
  GroupBy by_;
  StoredRecords& records_;
  std::uint64_t& unreadable_;
  std::int64_t few_;
  CallConditions conditions_, timeless_;
  std::string_view key_;
  Times asked_;
  std::optional<TextFilter> text_;
  StatisticsCount count_;
};

}  // namespace

Result<CallStatistics> read_statistics(const Database& database, std::int64_t schema, const CallFilter& filter,
                                       GroupBy by, StoredRecords& records, std::uint64_t& unreadable,
                                       std::int64_t one_by_one) {
  // One state of the store for all queries: what is written or taken away meanwhile is counted once or not at all.
  auto begin = database.prepare("BEGIN"), end = database.prepare("COMMIT");
  if (!begin) return unexpected(begin.error());
  if (!end) return unexpected(end.error());
  if (begin->step() == Statement::Row::failed) return unexpected(database.error("read"));
  auto read = Reading(database, schema, filter, by, records, unreadable, one_by_one).read();
  (void)end->step();
  return read;
}

}  // namespace borehole::store
