#include <fmt/format.h>
#include <sys/stat.h>

#include <mutex>
#include <utility>

#include "calls/record_json.h"
#include "store/call_store.h"
#include "store/private_file.h"
#include "store/record_blob.h"
#include "store/schema.h"
#include "store/sqlite.h"

namespace borehole::store {

namespace {

constexpr std::string_view insert_sql = R"sql(
INSERT INTO calls (id, started_us, way_in, outcome, error_code, upstream_host, method, target, status, service,
  operation, region, model_id, access_key_id, request_id, input_tokens, output_tokens, cost_usd, total_ms,
  request_bytes, response_bytes, record, session_id, sdk, error_type, cache_read_tokens, cache_write_tokens)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
)sql";

constexpr int prune_step = 256;  // calls taken away in one transaction
constexpr auto prune_interval = std::chrono::minutes(10);

std::int64_t micros(WallTime time) { return time.time_since_epoch().count(); }

// Binds one after another; what is empty becomes NULL.
class Binder {
 public:
  explicit Binder(Statement& statement) : statement_(statement) {}
  void text(std::string_view value) {
    if (value.empty()) {
      statement_.bind_null(++at_);
    } else {
      statement_.bind_text(++at_, value);
    }
  }
  template <class T>
  void optional(const std::optional<T>& value) {
    statement_.bind_optional(++at_, value);
  }
  void integer(std::int64_t value) { statement_.bind(++at_, value); }
  void blob(std::string_view value) { statement_.bind_blob(++at_, value); }

 private:
  Statement& statement_;
  int at_ = 0;
};

void bind(Statement& statement, const calls::CallRecord& record, std::string_view blob) {
  Binder to(statement);
  to.text(record.id);
  to.integer(micros(record.started_at));
  to.text(calls::way_in_name(record.way_in));
  to.text(calls::outcome_name(record.outcome));
  to.text(record.error ? error_code_name(record.error->code) : std::string_view());
  to.text(record.upstream.host);
  to.text(record.request.method);
  to.text(record.request.target);
  to.optional(record.response.status);
  to.text(record.aws.service);
  to.text(record.aws.operation);
  to.text(record.aws.region);
  to.text(record.aws.model_id);
  to.text(record.aws.access_key_id);
  to.text(record.aws.request_id);
  to.optional(record.usage.input_tokens);
  to.optional(record.usage.output_tokens);
  to.text(record.cost_usd ? std::string_view(*record.cost_usd) : std::string_view());
  to.optional(record.timing_ms.total);
  to.integer(static_cast<std::int64_t>(record.request.body_bytes));
  to.integer(static_cast<std::int64_t>(record.response.body_bytes));
  to.blob(blob);
  to.text(record.session_id);
  to.text(record.client.sdk);
  to.text(record.response.error_type.empty() && record.response.stream ? record.response.stream->exception
                                                                       : record.response.error_type);
  to.optional(record.usage.cache_read_tokens);
  to.optional(record.usage.cache_write_tokens);
}

}  // namespace

struct CallStoreWriter::State {
  Database database;
  Statement insert;
  Statement begin, commit, rollback;
  std::mutex keep_mutex;  // guards `keep` and `keep_is_new`
  StoreKeep keep;
  bool keep_is_new = false;
  RecordPacker packer;
  std::optional<WallTime> pruned_at;

  Result<void> insert_all(const std::vector<calls::CallRecord>& batch) {
    for (const calls::CallRecord& record : batch) {
      const auto blob = packer.pack(calls::to_json(record));
      if (!blob) return unexpected(blob.error());
      bind(insert, record, *blob);
      const auto row = insert.step();
      auto failure = row == Statement::Row::failed ? database.error("write to") : Error{};
      insert.reset();
      if (row == Statement::Row::failed) return unexpected(std::move(failure));
    }
    return {};
  }

  Result<void> run(Statement& statement) {
    const auto row = statement.step();
    auto failure = row == Statement::Row::failed ? database.error("write to") : Error{};
    statement.reset();
    if (row == Statement::Row::failed) return unexpected(std::move(failure));
    return {};
  }

  Result<std::uint64_t> bytes_in_use() {
    const auto pages = database.integer("PRAGMA page_count");
    if (!pages) return unexpected(pages.error());
    const auto free_pages = database.integer("PRAGMA freelist_count");
    if (!free_pages) return unexpected(free_pages.error());
    const auto page_size = database.integer("PRAGMA page_size");
    if (!page_size) return unexpected(page_size.error());
    return static_cast<std::uint64_t>((*pages - *free_pages) * *page_size);
  }

  Result<std::uint64_t> take_away(const std::string& which) {
    if (auto done = database.execute("DELETE FROM calls WHERE seq IN (SELECT seq FROM calls " + which + ")"); !done) {
      return unexpected(done.error());
    }
    return static_cast<std::uint64_t>(database.changes());
  }
};

CallStoreWriter::CallStoreWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
CallStoreWriter::~CallStoreWriter() = default;

Result<std::unique_ptr<CallStoreWriter>> CallStoreWriter::open(const std::string& path, StoreKeep keep) {
  if (auto made = make_private_folders(path); !made) return unexpected(made.error());
  for (const char* suffix : {"", "-wal", "-shm"}) {  // SQLite gives the others the mode of the first
    struct stat there {};
    const std::string file = path + suffix;
    if (*suffix != '\0' && stat(file.c_str(), &there) != 0) continue;
    if (auto made = make_private_file(file, "the call store"); !made) return unexpected(made.error());
  }
  auto database = Database::open(path, SQLITE_OPEN_READWRITE);
  if (!database) return unexpected(database.error());
  const auto version = check_version(*database, path, migrations().size());
  if (!version) return unexpected(version.error());
  // Incremental vacuum has to be chosen before the first table. NORMAL: a power cut may cost the last batches, never
  // the file.
  const std::string settings = std::string(*version == 0 ? "PRAGMA auto_vacuum=INCREMENTAL;" : "") +
                               "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=FAST;"
                               "PRAGMA journal_size_limit=16777216; PRAGMA trusted_schema=OFF";
  if (auto set = database->execute(settings); !set) return unexpected(set.error());
  if (auto migrated = migrate(*database, migrations()); !migrated) return unexpected(migrated.error());
  auto insert = database->prepare(insert_sql);
  if (!insert) return unexpected(insert.error());
  auto begin = database->prepare("BEGIN IMMEDIATE");
  if (!begin) return unexpected(begin.error());
  auto commit = database->prepare("COMMIT");
  if (!commit) return unexpected(commit.error());
  auto rollback = database->prepare("ROLLBACK");
  if (!rollback) return unexpected(rollback.error());
  auto state = std::unique_ptr<State>(new State{std::move(*database),
                                                std::move(*insert),
                                                std::move(*begin),
                                                std::move(*commit),
                                                std::move(*rollback),
                                                {},
                                                keep,
                                                false,
                                                RecordPacker(),
                                                {}});
  return std::unique_ptr<CallStoreWriter>(new CallStoreWriter(std::move(state)));
}

Result<void> CallStoreWriter::write(const std::vector<calls::CallRecord>& batch) {
  if (batch.empty()) return {};
  if (auto begun = state_->run(state_->begin); !begun) return begun;
  auto done = state_->insert_all(batch);
  if (done) done = state_->run(state_->commit);
  if (!done) (void)state_->run(state_->rollback);
  return done;
}

Result<void> CallStoreWriter::tend(WallTime now) {
  StoreKeep keep;
  {
    const std::lock_guard lock(state_->keep_mutex);
    const bool is_new = std::exchange(state_->keep_is_new, false);
    if (!is_new && state_->pruned_at && now - *state_->pruned_at < prune_interval) return {};
    keep = state_->keep;
  }
  state_->pruned_at = now;
  auto pruned = prune(keep, now);
  if (!pruned) return unexpected(std::move(pruned).error());
  return {};
}

void CallStoreWriter::set_keep(StoreKeep keep) noexcept {
  const std::lock_guard lock(state_->keep_mutex);
  state_->keep = keep;
  state_->keep_is_new = true;
}

Result<std::uint64_t> CallStoreWriter::prune(StoreKeep keep, WallTime now) {
  std::uint64_t taken = 0;
  if (keep.days > 0) {
    const auto oldest = micros(now - std::chrono::hours(24) * keep.days);
    const auto which = fmt::format("WHERE started_us < {} ORDER BY started_us LIMIT {}", oldest, prune_step);
    for (;;) {
      auto some = state_->take_away(which);
      if (!some) return some;
      taken += *some;
      if (*some < prune_step) break;
    }
  }
  while (keep.max_bytes > 0) {
    auto used = state_->bytes_in_use();
    if (!used) return used;
    if (*used <= keep.max_bytes) break;
    const auto calls = state_->database.integer("SELECT count(*) FROM calls");
    if (!calls) return unexpected(calls.error());
    if (*calls == 0) break;  // the empty tables are larger than the limit
    // No more than the excess is worth, so that a few large calls do not cost hundreds of small ones.
    const auto excess = static_cast<std::uint64_t>(*calls) * (*used - keep.max_bytes) / *used;
    const auto step = std::min<std::uint64_t>(std::max<std::uint64_t>(excess, 1), prune_step);
    auto some = state_->take_away(fmt::format("ORDER BY started_us LIMIT {}", step));
    if (!some) return some;
    taken += *some;
    if (*some == 0) break;
  }
  if (taken > 0) {
    if (auto freed = state_->database.execute("PRAGMA incremental_vacuum"); !freed) return unexpected(freed.error());
  }
  return taken;
}

}  // namespace borehole::store
