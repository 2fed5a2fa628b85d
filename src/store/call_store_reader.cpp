#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "store/call_query.h"
#include "store/call_store.h"
#include "store/readable_database.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/statistics_query.h"
#include "store/stored_records.h"
#include "store/summary_row.h"
#include "store/time_slices.h"

namespace borehole::store {

namespace {

// One page of a long reading: what is held in memory, and how long a snapshot holds back the writer's checkpoints.
constexpr std::size_t page_calls = 256;
constexpr std::size_t page_octets = 8U << 20U;

Error not_found(std::string detail) { return Error{ErrorCode::not_found, Fault::client, std::move(detail)}; }

// A place between two calls, in the order of their starts.
struct Place {
  std::int64_t started_us = 0, seq = 0;
};

std::string beyond(const std::optional<Place>& place, CallOrder order) {
  if (!place) return {};
  const char sign = order == CallOrder::newest_first ? '<' : '>';
  return fmt::format(" AND started_us {0}= {1} AND (started_us {0} {1} OR seq {0} {2})", sign, place->started_us,
                     place->seq);
}

WithAttempts with_attempts(const CallFilter& filter) {
  return filter.last_attempts ? WithAttempts::yes : WithAttempts::no;
}

}  // namespace

struct CallStoreReader::State {
  Database database;
  std::int64_t schema = 0;
  mutable StoredRecords unpacker;
  mutable std::uint64_t unreadable = 0;

  // Rows of `sql`, until there are enough or `take` has had enough: whether more may follow.
  template <class Take>
  Result<bool> rows(const std::string& sql, const CallConditions& conditions, Take&& take) const {
    auto statement = database.prepare(sql);
    if (!statement) return unexpected(statement.error());
    conditions.bind(*statement);
    for (;;) {
      const auto row = statement->step();
      if (row == Statement::Row::failed) return unexpected(database.error("read"));
      if (row == Statement::Row::done) return false;
      if (database.too_late()) return unexpected(database.error("read"));
      if (!take(*statement)) return true;
    }
  }

  Result<std::optional<Place>> place_of(const std::optional<std::string>& id) const {
    if (!id) return std::optional<Place>();
    std::optional<Place> place;
    const CallConditions by_id{{}, {*id}};
    auto read = rows("SELECT started_us, seq FROM calls WHERE id = ?", by_id, [&](const Statement& row) {
      place = Place{row.integer(0), row.integer(1)};
      return false;
    });
    if (!read) return unexpected(read.error());
    if (!place) return unexpected(not_found(fmt::format("the call {} is no longer there; list from the start", *id)));
    return place;
  }

  // Reads page by page, so that what `take` does in between (writing to a slow pipe) holds no snapshot.
  template <class Row, class Read, class Take>
  Result<void> paged(const CallFilter& filter, CallOrder order, Read&& read_row, Take&& take) const {
    const CallConditions conditions = conditions_of(filter, schema);
    auto place = place_of(filter.before);
    if (!place) return unexpected(place.error());
    std::string bound = order == CallOrder::oldest_first ? beyond(*place, CallOrder::newest_first) : std::string();
    std::optional<Place> from = order == CallOrder::newest_first ? *place : std::nullopt;
    const auto last = database.integer("SELECT max(seq) FROM calls");
    if (!last) return unexpected(last.error());
    // A later attempt with the text is looked for one by one, where the earlier one has it.
    const std::string last_only =
        filter.last_attempts && !filter.text ? last_attempt_condition(conditions, schema) : std::string();
    const char* direction = order == CallOrder::newest_first ? "DESC" : "ASC";
    std::optional<TimeSlices> slices;
    if (order == CallOrder::newest_first) {
      const std::int64_t end = from ? from->started_us + 1 : std::numeric_limits<std::int64_t>::max();
      auto opened = TimeSlices::open(database, schema, filter, end);
      if (!opened) return unexpected(std::move(opened).error());
      slices = *std::move(opened);
    }
    std::size_t left = filter.limit;
    std::vector<Row> page;
    std::string slice;
    const auto next_slice = [&]() -> Result<bool> {
      if (!slices) return false;
      auto next = slices->next();
      if (!next) return unexpected(std::move(next).error());
      if (*next) slice = fmt::format(" AND started_us >= {} AND started_us < {}", (*next)->first, (*next)->end);
      return next->has_value();
    };
    if (auto first = next_slice(); !first) return unexpected(std::move(first).error());
    for (bool more = true; more && left > 0;) {
      // Texts are looked for behind SQL's back, so a page may give fewer calls than were read.
      const std::size_t wanted = filter.text ? page_calls : std::min(left, page_calls);
      // `+seq`: not to be looked up by, or SQLite sorts the whole table instead of walking along its index of starts.
      const std::string sql =
          fmt::format("SELECT {0} FROM {8} WHERE +seq <= {1}{2}{3}{4}{9}{7} ORDER BY started_us {5}, seq {5} LIMIT {6}",
                      summary_columns(schema, with_attempts(filter)), *last, conditions.sql, bound, beyond(from, order),
                      direction, wanted, last_only, calls_and_origins(schema), slice);
      std::size_t octets = 0;
      std::size_t count = 0;
      auto read = rows(sql, conditions, [&](const Statement& row) {
        from = Place{row.integer(1), row.integer(0)};
        octets += read_row(row, page);
        return ++count < wanted && octets < page_octets;
      });
      if (!read) return unexpected(read.error());
      more = *read;
      for (Row& row : page) {
        if (!take(std::move(row)) || --left == 0) return {};
      }
      page.clear();
      if (more || left == 0) continue;
      auto next = next_slice();
      if (!next) return unexpected(std::move(next).error());
      more = *next;
    }
    return {};
  }

  // Whether a later attempt of the same invocation fits too. What cannot be read does not.
  bool superseded(const CallSummary& call, const CallFilter& filter, const TextFilter& text) const {
    if (schema < first_version_with_origins || call.invocation_id.empty()) return false;
    CallConditions conditions = conditions_of(filter, schema);
    conditions.texts.push_back(call.invocation_id);
    bool found = false;
    (void)rows(
        fmt::format("SELECT record FROM attempts CROSS JOIN call_origins AS later ON later.of_call = "
                    "attempts.call CROSS JOIN calls ON calls.seq = attempts.call WHERE attempts.invocation = ?{} "
                    "AND (attempts.start, attempts.call) > ({}, {}) AND coalesce(later.attempt > {}, 1){}",
                    conditions.texts.size(), call.started.time_since_epoch().count(), call.seq,
                    call.attempt ? std::to_string(*call.attempt) : "NULL", conditions.sql),
        conditions, [&](const Statement& row) {
          const auto record = unpacker.unpack(row.octets(0));
          found = record && text.matches(*record);
          return !found;
        });
    return found;
  }

  // Appends the call, with its record, if the text is in it; gives how much memory that takes.
  std::size_t read_call(const Statement& row, const std::optional<TextFilter>& text,
                        std::vector<ReadCall>& page) const {
    auto record = unpacker.unpack(row.octets(record_column));
    if (text && record && !text->matches(*record)) return 0;
    const std::size_t octets = record ? record->size() : 0;
    page.push_back(ReadCall{read_summary(row), std::move(record)});
    return octets;
  }
};

CallStoreReader::CallStoreReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
CallStoreReader::~CallStoreReader() = default;

void CallStoreReader::stop_at(TimePoint deadline) { state_->database.stop_at(deadline); }
bool CallStoreReader::too_late() const noexcept { return state_->database.too_late(); }
std::uint64_t CallStoreReader::unreadable() const noexcept { return state_->unreadable; }

Result<std::unique_ptr<CallStoreReader>> CallStoreReader::open(const std::string& path) {
  struct stat there {};
  if (stat(path.c_str(), &there) != 0) {
    return unexpected(not_found(
        fmt::format("there is no call store at {} yet; it is made when a proxy with record.store runs", path)));
  }
  auto database = open_readable(path);
  if (!database) return unexpected(database.error());
  const auto version = check_version(*database, path, migrations().size());
  if (!version) return unexpected(version.error());
  if (*version == 0) {
    return unexpected(not_found(fmt::format("the call store {} is empty yet; a proxy fills it when it starts", path)));
  }
  auto records = StoredRecords::open(*database);
  if (!records) return unexpected(records.error());
  auto state = std::unique_ptr<State>(new State{std::move(*database), *version, std::move(*records)});
  return std::unique_ptr<CallStoreReader>(new CallStoreReader(std::move(state)));
}

Result<std::vector<CallSummary>> CallStoreReader::list(const CallFilter& filter) const {
  std::vector<CallSummary> out;
  std::optional<TextFilter> text;
  if (filter.text) text.emplace(*filter.text);
  auto done = state_->paged<CallSummary>(
      filter, CallOrder::newest_first,
      [&](const Statement& row, std::vector<CallSummary>& page) -> std::size_t {
        if (text) {
          const auto record = state_->unpacker.unpack(row.octets(record_column));
          if (!record) ++state_->unreadable;
          if (!record || !text->matches(*record)) return 0;
        }
        page.push_back(read_summary(row, with_attempts(filter)));
        if (text && filter.last_attempts && state_->superseded(page.back(), filter, *text)) page.pop_back();
        return 0;
      },
      [&](CallSummary call) {
        out.push_back(std::move(call));
        return true;
      });
  if (!done) return unexpected(std::move(done.error()));
  return out;
}

Result<std::vector<std::string>> CallStoreReader::list_json(const CallFilter& filter) const {
  std::vector<std::string> out;
  std::optional<Error> damaged;
  auto done = each(filter, CallOrder::newest_first, [&](ReadCall call) {
    if (!call.record) {
      damaged = std::move(call.record.error());
      return false;
    }
    out.push_back(std::move(*call.record));
    return true;
  });
  if (!done) return unexpected(std::move(done.error()));
  if (damaged) return unexpected(*std::move(damaged));
  return out;
}

Result<void> CallStoreReader::each(const CallFilter& filter, CallOrder order,
                                   const std::function<bool(ReadCall)>& take) const {
  std::optional<TextFilter> text;
  if (filter.text) text.emplace(*filter.text);
  CallFilter all = filter;
  all.last_attempts = false;
  return state_->paged<ReadCall>(
      all, order, [&](const Statement& row, std::vector<ReadCall>& page) { return state_->read_call(row, text, page); },
      take);
}

Result<std::vector<ReadCall>> CallStoreReader::written_after(std::int64_t seq, const CallFilter& filter) const {
  const CallConditions conditions = conditions_of(filter, state_->schema);
  std::optional<TextFilter> text;
  if (filter.text) text.emplace(*filter.text);
  std::vector<ReadCall> out;
  auto read =
      state_->rows(fmt::format("SELECT {} FROM {} WHERE seq > {}{} ORDER BY seq", summary_columns(state_->schema),
                               calls_and_origins(state_->schema, true), seq, conditions.sql),
                   conditions, [&](const Statement& row) {
                     if (out.size() >= filter.limit) return false;
                     state_->read_call(row, text, out);
                     return out.size() < filter.limit;
                   });
  if (!read) return unexpected(read.error());
  return out;
}

Result<std::string> CallStoreReader::find_json(const std::string& id_or_unique_prefix) const {
  if (id_or_unique_prefix.empty()) return unexpected(not_found("an empty id names no call; give its first characters"));
  auto statement =
      state_->database.prepare("SELECT id, record FROM calls WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id LIMIT 2");
  if (!statement) return unexpected(statement.error());
  std::string wanted = id_or_unique_prefix;
  for (char& c : wanted) {  // ULIDs are written in capitals (Crockford's alphabet has no small letters)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  statement->bind_text(1, wanted);
  const auto first = statement->step();
  if (first == Statement::Row::failed) return unexpected(state_->database.error("read"));
  if (first == Statement::Row::done) {
    return unexpected(
        not_found(fmt::format("no call's id begins with {}; `borehole calls list` shows the ids", wanted)));
  }
  const bool whole = statement->octets(0) == wanted;
  auto json = state_->unpacker.unpack(statement->octets(1));
  if (!json || whole) return json;
  const auto second = statement->step();
  if (second == Statement::Row::failed) return unexpected(state_->database.error("read"));
  if (second == Statement::Row::row) {
    return unexpected(not_found(fmt::format("more than one call's id begins with {}; give more of it", wanted)));
  }
  return json;
}

Result<std::vector<CallSummary>> CallStoreReader::attempts_of(const std::string& invocation_id,
                                                              std::size_t most) const {
  std::vector<CallSummary> out;
  if (state_->schema < first_version_with_origins || invocation_id.empty()) return out;
  auto read = state_->rows(fmt::format("SELECT {} FROM attempts CROSS JOIN {} WHERE call.seq = attempts.call AND "
                                       "attempts.invocation = ?1 ORDER BY start, attempts.call LIMIT {}",
                                       summary_columns(state_->schema), calls_and_origins(state_->schema), most),
                           CallConditions{{}, {invocation_id}}, [&](const Statement& row) {
                             out.push_back(read_summary(row));
                             return true;
                           });
  if (!read) return unexpected(read.error());
  return out;
}

Result<std::optional<std::uint64_t>> CallStoreReader::cheap_count(const CallFilter& filter) const {
  CallFilter indexed;  // what the indexes of the table answer
  indexed.since = filter.since;
  indexed.until = filter.until;
  indexed.access_key = filter.access_key;
  indexed.aliased_keys = filter.aliased_keys;
  const CallConditions conditions = conditions_of(filter, state_->schema);
  if (filter.text || conditions.sql.size() != conditions_of(indexed, state_->schema).sql.size()) {
    return std::optional<std::uint64_t>();
  }
  std::optional<std::uint64_t> count;
  auto read =
      state_->rows("SELECT count(*) FROM calls WHERE 1" + conditions.sql, conditions, [&](const Statement& row) {
        count = static_cast<std::uint64_t>(row.integer(0));
        return false;
      });
  if (!read) return unexpected(read.error());
  return count;
}

Result<CallStatistics> CallStoreReader::statistics(const CallFilter& filter, GroupBy by) const {
  return read_statistics(state_->database, state_->schema, filter, by, state_->unpacker, state_->unreadable);
}

Result<std::int64_t> CallStoreReader::version() const { return state_->database.integer("PRAGMA data_version"); }

Result<CallStoreReader::Newest> CallStoreReader::newest() const {
  Newest newest;
  auto read = state_->rows("SELECT seq, id FROM calls ORDER BY seq DESC LIMIT 1", {}, [&](const Statement& row) {
    newest = Newest{row.integer(0), row.text(1)};
    return false;
  });
  if (!read) return unexpected(read.error());
  return newest;
}

Result<bool> CallStoreReader::holds(std::int64_t seq, const std::string& id) const {
  bool there = false;
  auto read = state_->rows(fmt::format("SELECT 1 FROM calls WHERE seq = {} AND id = ?", seq), CallConditions{{}, {id}},
                           [&](const Statement&) {
                             there = true;
                             return false;
                           });
  if (!read) return unexpected(read.error());
  return there;
}

}  // namespace borehole::store
