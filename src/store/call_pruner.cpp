#include "store/call_pruner.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "store/call_query.h"
#include "store/call_removal.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/stored_records.h"

namespace borehole::store {

namespace {

constexpr std::size_t step_calls = 256;
constexpr int step_pages = 256;
constexpr int record_at = 2;
// A writer that found the store locked looks again after so long (SQLite's busy handler begins with 1 ms, 2 ms, …).
constexpr std::chrono::milliseconds pause{5};

struct Doomed {
  std::int64_t seq = 0;
  std::uint64_t octets = 0;
};

}  // namespace

struct CallPruner::State {
  Database database;
  std::int64_t schema = 0;
  StoredRecords records;
  std::optional<CallTotals> totals{};  // where the schema has them

  // Calls `take` with each call that fits, in the order of writing, in steps that hold nothing in between.
  template <class Step>
  Result<void> in_steps(const CallFilter& filter, Step&& step) {
    const CallConditions conditions = conditions_of(filter, schema);
    std::optional<TextFilter> text;
    if (filter.text) text.emplace(*filter.text);
    const auto last = database.integer("SELECT max(seq) FROM calls");
    if (!last) return unexpected(last.error());
    for (std::int64_t from = -1;;) {
      std::vector<Doomed> some;
      std::size_t read = 0;
      auto statement =
          database.prepare(fmt::format("SELECT seq, substr(record, 1, 32){} FROM calls NOT INDEXED WHERE seq > {} AND "
                                       "seq <= {}{} ORDER BY seq LIMIT {}",
                                       text ? ", record" : "", from, *last, conditions.sql, step_calls));
      if (!statement) return unexpected(statement.error());
      conditions.bind(*statement);
      for (;;) {
        const auto row = statement->step();
        if (row == Statement::Row::failed) return unexpected(database.error("read"));
        if (row == Statement::Row::done) break;
        ++read;
        from = statement->integer(0);
        if (text) {
          const auto record = records.unpack(statement->octets(record_at));
          if (!record || !text->matches(*record)) continue;
        }
        some.push_back(Doomed{from, StoredRecords::octets_of(statement->octets(1))});
      }
      statement->reset();
      auto more = step(some);
      if (!more) return unexpected(std::move(more).error());
      if (!*more || read < step_calls) return {};
    }
  }

  Result<void> take_away(const std::vector<Doomed>& some) {
    std::string numbers;
    for (const Doomed& one : some) numbers += fmt::format("{}{}", numbers.empty() ? "" : ",", one.seq);
    // Who takes calls away wants their texts gone, whatever they share a block with.
    if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun;
    auto taken = remove_calls(database, totals ? &*totals : nullptr, "seq IN (" + numbers + ")", SharedBlock::divided);
    auto ended = database.execute(taken ? "COMMIT" : "ROLLBACK");
    if (!taken) return unexpected(std::move(taken).error());
    if (!ended) (void)database.execute("ROLLBACK");
    return ended;
  }

  Result<void> give_space_back(const std::function<bool()>& go_on) {
    for (;;) {
      const auto unused = database.integer("PRAGMA freelist_count");
      if (!unused) return unexpected(unused.error());
      if (*unused == 0 || !go_on()) break;
      if (auto freed = database.execute(fmt::format("PRAGMA incremental_vacuum({})", step_pages)); !freed) return freed;
      const auto left = database.integer("PRAGMA freelist_count");
      if (!left) return unexpected(left.error());
      if (*left >= *unused) break;
      std::this_thread::sleep_for(pause);
    }
    (void)database.execute("PRAGMA wal_checkpoint(PASSIVE)");  // what a reader holds back, a later one writes
    return {};
  }
};

CallPruner::CallPruner(std::unique_ptr<State> state) : state_(std::move(state)) {}
CallPruner::~CallPruner() = default;

Result<std::unique_ptr<CallPruner>> CallPruner::open(const std::string& path) {
  struct stat there {};
  if (stat(path.c_str(), &there) != 0) {
    return unexpected(
        Error{ErrorCode::not_found, Fault::client, fmt::format("there is no call store at {} yet", path)});
  }
  auto database = Database::open(path, SQLITE_OPEN_READWRITE);
  if (!database) return unexpected(database.error());
  const auto version = check_version(*database, path, migrations().size());
  if (!version) return unexpected(version.error());
  if (*version == 0) {
    return unexpected(Error{ErrorCode::not_found, Fault::client, fmt::format("the call store {} is empty yet", path)});
  }
  // As the writer: what was taken away is overwritten where that costs no extra write.
  if (auto set = database->execute("PRAGMA secure_delete=FAST"); !set) return unexpected(set.error());
  auto records = StoredRecords::open(*database);
  if (!records) return unexpected(records.error());
  auto state = std::unique_ptr<State>(new State{std::move(*database), *version, std::move(*records)});
  if (*version >= first_version_with_totals) {
    auto totals = CallTotals::prepare(state->database);
    if (!totals) return unexpected(totals.error());
    state->totals = *std::move(totals);
  }
  return std::unique_ptr<CallPruner>(new CallPruner(std::move(state)));
}

Result<PrunedCalls> CallPruner::count(const CallFilter& filter) {
  PrunedCalls counted;
  auto done = state_->in_steps(filter, [&](const std::vector<Doomed>& some) -> Result<bool> {
    counted.calls += some.size();
    for (const Doomed& one : some) counted.octets += one.octets;
    return true;
  });
  if (!done) return unexpected(std::move(done).error());
  return counted;
}

Result<PrunedCalls> CallPruner::prune(const CallFilter& filter, const std::function<bool()>& go_on) {
  PrunedCalls taken;
  auto done = state_->in_steps(filter, [&](const std::vector<Doomed>& some) -> Result<bool> {
    if (some.empty()) return go_on();
    if (auto away = state_->take_away(some); !away) return unexpected(std::move(away).error());
    taken.calls += some.size();
    for (const Doomed& one : some) taken.octets += one.octets;
    std::this_thread::sleep_for(pause);
    return go_on();
  });
  if (!done) return unexpected(std::move(done).error());
  if (taken.calls > 0) {
    if (auto given = state_->give_space_back(go_on); !given) return unexpected(std::move(given).error());
  }
  return taken;
}

}  // namespace borehole::store
