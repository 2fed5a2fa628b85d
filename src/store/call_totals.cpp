#include "store/call_totals.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/call_kinds.h"
#include "store/call_query.h"
#include "store/call_sums_blob.h"
#include "store/counted_row.h"
#include "store/schema.h"

namespace borehole::store {

namespace {

// Of an invocation, so many attempts are looked at, from the last: clients give up after far fewer. One that gives all
// its calls the same id has its retries counted among these only.
constexpr int most_attempts = 100;

// Behind the counted columns a row has those of `call_kinds`, then these, and whether it is the last attempt.
constexpr int first_kind_column = counted_column_count;
constexpr int attempt_column = first_kind_column + static_cast<int>(kind_columns.size());
constexpr int invocation_column = attempt_column + 1, seq_column = attempt_column + 2, last_column = attempt_column + 3;

using ByStart = std::map<std::int64_t, CallSums>;

std::string rows_sql(std::string_view condition) {
  std::string of_kind;
  for (const std::string_view column : kind_columns) of_kind.append(of_kind.empty() ? "" : ", ").append(column);
  return fmt::format(
      "SELECT {}, {}, attempt, invocation_id, call.seq, CASE WHEN attempt > 1 THEN (SELECT last FROM retries WHERE "
      "start = started_us AND retries.call = call.seq) END FROM {} WHERE {}",
      counted_columns("NULL", first_version_with_totals), of_kind, calls_and_origins(first_version_with_totals),
      condition);
}

}  // namespace

struct CallTotals::State {
  Database& database;
  Statement done, set_done, next, one, find_sums, put_sums, drop_sums, drop_kind, put_retry, set_last, drop_retry,
      attempts, last_seq;
  std::map<TotalsPart, std::pair<Statement, Statement>> kinds;  // to be found, and to be made
  std::array<std::unordered_map<std::string, ByStart>, all_parts.size()> changes{};
  // The sums that were changed last: calls of one kind often come one after another.
  struct Last {
    std::string values;
    std::int64_t quarter = 0;
    CallSums* sums = nullptr;
  };
  std::array<Last, all_parts.size()> last{};
  std::set<std::string> reconsidered{};  // invocations
  std::string text{};

  Error failure(std::string_view doing) const { return database.error(doing); }

  // Runs a statement that gives no rows, or whose first row is all that is wanted, which `read` sees.
  template <class Read>
  Result<bool> step(Statement& statement, Read&& read) {
    const auto row = statement.step();
    if (row == Statement::Row::failed) {
      auto error = failure("use");
      statement.rewind();
      return unexpected(std::move(error));
    }
    if (row == Statement::Row::row) read(statement);
    statement.rewind();
    return row == Statement::Row::row;
  }
  Result<void> run(Statement& statement) {
    auto ran = step(statement, [](const Statement&) {});
    if (!ran) return unexpected(std::move(ran).error());
    return {};
  }
  Result<std::int64_t> number(Statement& statement) {
    std::int64_t value = 0;
    auto ran = step(statement, [&](const Statement& row) { value = row.integer(0); });
    if (!ran) return unexpected(std::move(ran).error());
    return value;
  }

  // What the row's call counts for, in all parts. `change`: of its sums there.
  template <class Change>
  void at(const Statement& row, Change&& change) {
    const std::int64_t quarter = beginning(row.integer(0), totals_lengths[0]);
    for (const TotalsPart part : all_parts) {
      text.clear();
      const auto [first, end] = columns_of(part);
      for (std::size_t i = first; i < end; ++i) append_value(text, row, first_kind_column + static_cast<int>(i));
      Last& at = last.at(static_cast<std::size_t>(part));
      if (at.sums == nullptr || at.quarter != quarter || at.values != text) {
        at = Last{text, quarter, &changes.at(static_cast<std::size_t>(part))[text][quarter]};
      }
      change(*at.sums);
    }
  }
  static bool retry(const Statement& row) { return row.integer(attempt_column) > 1; }
  static bool may_follow(const Statement& row) {
    return !row.is_null(invocation_column) && (row.is_null(attempt_column) || retry(row));
  }

  // Whether the retry in this row is the last attempt changes.
  void turn(const Statement& row, bool to_last) {
    const CountedCall call = read_counted(row);
    const int sign = to_last ? 1 : -1;
    at(row, [&](CallSums& sums) {
      sums.retried += sign;
      if (call.failed() || call.throttled()) sums.gave_up += sign;
    });
  }

  Result<void> reconsider(const std::string& invocation) {
    struct Attempt {
      std::int64_t start, seq;
      std::optional<std::int64_t> number;
      std::optional<bool> last;  // as `retries` has it
    };
    std::vector<Attempt> found;  // the last first
    attempts.bind_text(1, invocation);
    Statement::Row row{};
    for (row = attempts.step(); row == Statement::Row::row; row = attempts.step()) {
      found.push_back({.start = attempts.integer(0),
                       .seq = attempts.integer(1),
                       .number = attempts.is_null(2) ? std::nullopt : std::optional(attempts.integer(2)),
                       .last = attempts.is_null(3) ? std::nullopt : std::optional(attempts.integer(3) != 0)});
    }
    attempts.rewind();
    if (row == Statement::Row::failed) return unexpected(failure("read"));
    for (std::size_t i = 0; i < found.size(); ++i) {
      const Attempt& it = found[i];
      if (!it.last) continue;
      bool is_last = true;
      for (std::size_t later = 0; later < i && is_last; ++later) {
        is_last = found[later].number && it.number && *found[later].number <= *it.number;
      }
      if (is_last == *it.last) continue;
      set_last.bind(1, std::int64_t{is_last});
      set_last.bind(2, it.start);
      set_last.bind(3, it.seq);
      if (auto set = run(set_last); !set) return set;
      one.bind(1, it.seq);
      auto turned = step(one, [&](const Statement& call) { turn(call, is_last); });
      if (!turned) return unexpected(std::move(turned).error());
    }
    return {};
  }

  // What a transaction that failed has left.
  void clear() {
    for (Statement* one_of : {&next, &one, &find_sums, &attempts}) one_of->rewind();
    for (auto& [part, statements] : kinds) statements.first.rewind();
    reconsidered.clear();
    last = {};
    for (auto& some : changes) some.clear();
  }

  // All invocations that may have changed, then all sums that have.
  Result<void> finish() {
    for (const std::string& invocation : reconsidered) {
      if (auto seen = reconsider(invocation); !seen) return seen;
    }
    reconsidered.clear();
    last = {};
    bool possible = true;
    for (const TotalsPart part : all_parts) {
      auto& kinds_changed = changes.at(static_cast<std::size_t>(part));
      for (const auto& [values, by_quarter] : kinds_changed) {
        auto merged = merge(part, values, by_quarter);
        if (!merged) return unexpected(std::move(merged).error());
        possible = possible && *merged;
      }
      kinds_changed.clear();
    }
    return possible ? Result<void>() : drop_all();
  }

  Result<void> drop_all() {
    return database.execute(
        "DELETE FROM call_totals; DELETE FROM call_kinds; DELETE FROM retries; UPDATE totals_done SET seq = 0");
  }

  // False: the sums are damaged.
  Result<bool> merge(TotalsPart part, const std::string& values, const ByStart& by_quarter) {
    auto kind = kind_of(part, values);
    if (!kind) return unexpected(std::move(kind).error());
    bool dropped = false, possible = true;
    ByStart by_start = by_quarter;
    for (std::size_t level = 0; level < totals_lengths.size(); ++level) {
      if (level > 0) {
        ByStart longer;
        for (const auto& [start, sums] : by_start) longer[beginning(start, totals_lengths.at(level))].add(sums);
        by_start = std::move(longer);
      }
      for (const auto& [start, sums] : by_start) {
        auto put = merge(*kind, level, start, sums, dropped);
        if (!put) return put;
        possible = possible && *put;
      }
    }
    if (!dropped) return possible;
    drop_kind.bind(1, *kind);
    if (auto ran = run(drop_kind); !ran) return unexpected(ran.error());
    return possible;
  }

  Result<bool> merge(std::int64_t kind, std::size_t level, std::int64_t start, const CallSums& change, bool& dropped) {
    const auto bind = [&](Statement& statement) {
      statement.bind(1, kind);
      statement.bind(2, static_cast<std::int64_t>(level));
      statement.bind(3, start);
    };
    std::optional<CallSums> sums;
    bind(find_sums);
    auto found = step(find_sums, [&](const Statement& row) { sums = decode_sums(row.octets(0)); });
    if (!found) return found;
    if (*found && !sums) return false;
    if (!sums) sums.emplace();
    sums->add(change);
    if (!sums->possible()) return false;
    if (sums->calls == 0) {
      dropped = true;
      bind(drop_sums);
      auto ran = run(drop_sums);
      return ran ? Result<bool>(true) : unexpected(ran.error());
    }
    bind(put_sums);
    const std::string blob = encode(*sums);
    put_sums.bind_blob(4, blob);
    auto ran = run(put_sums);
    return ran ? Result<bool>(true) : unexpected(ran.error());
  }

  Result<std::int64_t> kind_of(TotalsPart part, std::string_view values) {
    auto& [find, make] = kinds.at(part);
    const auto [first, end] = columns_of(part);
    for (std::size_t i = first; i < end; ++i) {
      const auto value = take_value(values);
      const int parameter = static_cast<int>(i - first) + 1;
      for (Statement* statement : {&find, &make}) {
        if (value) {
          statement->bind_text_view(parameter, *value);  // a number becomes one where the column is an integer
        } else {
          statement->bind_null(parameter);
        }
      }
    }
    std::int64_t kind = 0;
    auto found = step(find, [&](const Statement& row) { kind = row.integer(0); });
    if (!found) return unexpected(std::move(found).error());
    if (*found) return kind;
    if (auto made = run(make); !made) return unexpected(std::move(made).error());
    return database.last_row();
  }
};

CallTotals::CallTotals(std::unique_ptr<State> state) : state_(std::move(state)) {}
CallTotals::~CallTotals() = default;
CallTotals::CallTotals(CallTotals&&) noexcept = default;
CallTotals& CallTotals::operator=(CallTotals&&) noexcept = default;

Result<CallTotals> CallTotals::prepare(Database& database) {
  std::vector<Statement> made;
  for (const std::string& sql : {
           std::string("SELECT seq FROM totals_done"),
           std::string("UPDATE totals_done SET seq = ?"),
           rows_sql("call.seq > ?1 ORDER BY call.seq LIMIT ?2"),
           rows_sql("call.seq = ?1"),
           std::string("SELECT sums FROM call_totals WHERE kind = ? AND level = ? AND start = ?"),
           std::string("INSERT OR REPLACE INTO call_totals (kind, level, start, sums) VALUES (?, ?, ?, ?)"),
           std::string("DELETE FROM call_totals WHERE kind = ? AND level = ? AND start = ?"),
           std::string("DELETE FROM call_kinds WHERE kind = ?1 AND NOT EXISTS (SELECT 1 FROM call_totals WHERE kind = "
                       "?1)"),
           std::string("INSERT OR REPLACE INTO retries (start, call, last) VALUES (?, ?, 1)"),
           std::string("UPDATE retries SET last = ? WHERE start = ? AND call = ?"),
           std::string("DELETE FROM retries WHERE start = ? AND call = ?"),
           fmt::format("SELECT start, call, attempt, (SELECT last FROM retries WHERE retries.start = some.start AND "
                       "retries.call = some.call) FROM (SELECT start, call FROM attempts WHERE invocation = ? ORDER BY "
                       "start DESC, call DESC LIMIT {}) AS some LEFT JOIN call_origins ON of_call = call",
                       most_attempts),
           std::string("SELECT coalesce(max(seq), 0) FROM calls"),
       }) {
    auto statement = database.prepare(sql);
    if (!statement) return unexpected(statement.error());
    made.push_back(*std::move(statement));
  }
  std::map<TotalsPart, std::pair<Statement, Statement>> kinds;
  for (const TotalsPart part : all_parts) {
    const auto [first, end] = columns_of(part);
    const int number = static_cast<int>(part);
    std::string columns, values;
    for (std::size_t i = first; i < end; ++i) {
      columns.append(", ").append(kind_columns.at(i));
      values += fmt::format(", ?{}", i - first + 1);
    }
    auto find = database.prepare(find_kind_sql(part));
    if (!find) return unexpected(find.error());
    auto make = database.prepare(fmt::format("INSERT INTO call_kinds (part{}) VALUES ({}{})", columns, number, values));
    if (!make) return unexpected(make.error());
    kinds.emplace(part, std::pair(*std::move(find), *std::move(make)));
  }
  auto next = made.begin();
  const auto take = [&next] { return std::move(*next++); };
  return CallTotals(
      std::unique_ptr<State>(new State{database, take(), take(), take(), take(), take(), take(), take(), take(), take(),
                                       take(), take(), take(), take(), std::move(kinds)}));
}

Result<std::uint64_t> CallTotals::behind() {
  auto last = state_->number(state_->last_seq);
  if (!last) return unexpected(std::move(last).error());
  auto done = state_->number(state_->done);
  if (!done) return unexpected(std::move(done).error());
  return *last > *done ? static_cast<std::uint64_t>(*last - *done) : 0;
}

Result<std::uint64_t> CallTotals::fold(std::uint64_t most) {
  State& state = *state_;
  auto done = state.number(state.done);
  if (!done) return unexpected(std::move(done).error());
  state.clear();
  std::uint64_t count = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> retries;
  state.next.bind(1, *done);
  state.next.bind(2, static_cast<std::int64_t>(most));
  Statement::Row row{};
  for (row = state.next.step(); row == Statement::Row::row; row = state.next.step()) {
    ++count;
    *done = state.next.integer(seq_column);
    CountedCall call = read_counted(state.next);
    call.last_of_several = State::retry(state.next);  // until `reconsider` finds a later one
    state.at(state.next, [&](CallSums& sums) { sums.add(call); });
    if (!call.last_of_several) continue;
    retries.emplace_back(state.next.integer(0), *done);
    if (State::may_follow(state.next)) state.reconsidered.emplace(state.next.octets(invocation_column));
  }
  state.next.rewind();
  if (row == Statement::Row::failed) return unexpected(state.failure("read"));
  if (count == 0) return count;
  for (const auto& [start, seq] : retries) {
    state.put_retry.bind(1, start);
    state.put_retry.bind(2, seq);
    if (auto put = state.run(state.put_retry); !put) return unexpected(put.error());
  }
  state.set_done.bind(1, *done);
  if (auto set = state.run(state.set_done); !set) return unexpected(set.error());
  if (auto finished = state.finish(); !finished) return unexpected(finished.error());
  return count;
}

Result<void> CallTotals::forget(std::string_view which) {
  State& state = *state_;
  auto done = state.number(state.done);
  if (!done) return unexpected(std::move(done).error());
  state.clear();
  auto doomed = state.database.prepare(rows_sql(which));
  if (!doomed) return unexpected(doomed.error());
  std::vector<std::pair<std::int64_t, std::int64_t>> retries;
  Statement::Row row{};
  for (row = doomed->step(); row == Statement::Row::row; row = doomed->step()) {
    if (State::may_follow(*doomed)) state.reconsidered.emplace(doomed->octets(invocation_column));
    if (doomed->integer(seq_column) > *done) continue;
    CountedCall call = read_counted(*doomed);
    call.last_of_several = doomed->integer(last_column) != 0;
    state.at(*doomed, [&](CallSums& sums) { sums.add(call, -1); });
    if (State::retry(*doomed)) retries.emplace_back(doomed->integer(0), doomed->integer(seq_column));
  }
  if (row == Statement::Row::failed) return unexpected(state.failure("read"));
  for (const auto& [start, seq] : retries) {
    state.drop_retry.bind(1, start);
    state.drop_retry.bind(2, seq);
    if (auto dropped = state.run(state.drop_retry); !dropped) return dropped;
  }
  return {};
}

Result<void> CallTotals::forgotten() { return state_->finish(); }

Result<void> CallTotals::attempted(const std::set<std::string>& invocations) {
  if (invocations.empty()) return {};
  state_->clear();
  state_->reconsidered = invocations;
  return state_->finish();
}

}  // namespace borehole::store
