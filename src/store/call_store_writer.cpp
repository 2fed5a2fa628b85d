#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <mutex>
#include <span>
#include <utility>

#include "calls/record_json.h"
#include "store/call_removal.h"
#include "store/call_store.h"
#include "store/private_file.h"
#include "store/record_blob.h"
#include "store/record_place.h"
#include "store/schema.h"
#include "store/sqlite.h"

namespace borehole::store {

namespace {

constexpr std::string_view insert_sql = R"sql(
INSERT INTO calls (seq, id, started_us, way_in, outcome, error_code, upstream_host, method, target, status, service,
  operation, region, model_id, access_key_id, request_id, input_tokens, output_tokens, cost_usd, total_ms,
  request_bytes, response_bytes, record, session_id, sdk, error_type, cache_read_tokens, cache_write_tokens)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
)sql";

constexpr std::string_view insert_origin_sql = R"sql(
INSERT INTO call_origins (of_call, invocation_id, attempt, first_token_ms, process_pid, process_name, app_id, framework,
  session_name)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
)sql";

constexpr std::string_view insert_block_sql =
    "INSERT INTO record_blocks (first_seq, last_seq, records) VALUES (?, ?, ?)";

// Not one that a block still spans, though its call is gone.
constexpr std::string_view last_seq_sql =
    "SELECT max(coalesce((SELECT max(seq) FROM calls), 0), "
    "coalesce((SELECT last_seq FROM record_blocks ORDER BY block DESC LIMIT 1), 0))";

// Before compression. A block is read whole for each of its records; past this one more does not make it much denser.
constexpr std::size_t block_octets = std::size_t{128} * 1024;

constexpr int prune_step = 256;  // calls taken away in one transaction
constexpr auto prune_interval = std::chrono::minutes(10);

std::int64_t micros(WallTime time) { return time.time_since_epoch().count(); }

// Binds one after another, without copies; what is empty becomes NULL.
class Binder {
 public:
  explicit Binder(Statement& statement) : statement_(statement) {}
  void text(std::string_view value) {
    if (value.empty()) {
      statement_.bind_null(++at_);
    } else {
      statement_.bind_text_view(++at_, value);
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

void bind_record(Statement& statement, std::int64_t seq, const calls::CallRecord& record, std::string_view place) {
  Binder to(statement);
  to.integer(seq);
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
  to.text(record.aws.access_key_id.empty() ? record.aws.api_key_name : record.aws.access_key_id);
  to.text(record.aws.request_id);
  to.optional(record.usage.spent() ? record.usage.input_tokens : std::nullopt);  // sums are made of the columns
  to.optional(record.usage.output_tokens);
  to.text(record.cost_usd ? std::string_view(*record.cost_usd) : std::string_view());
  to.optional(record.timing_ms.total);
  to.integer(static_cast<std::int64_t>(record.request.body_bytes));
  to.integer(static_cast<std::int64_t>(record.response.body_bytes));
  to.blob(place);
  to.text(record.session_id);
  to.text(record.client.sdk);
  to.text(record.response.error_type.empty() && record.response.stream ? record.response.stream->exception
                                                                       : record.response.error_type);
  to.optional(record.usage.cache_read_tokens);
  to.optional(record.usage.cache_write_tokens);
}

// False where there is nothing to be written.
bool bind_origin(Statement& statement, std::int64_t seq, const calls::CallRecord& record) {
  const auto& client = record.client;
  const auto& aws = record.aws;
  if (aws.invocation_id.empty() && !aws.attempt && !record.timing_ms.first_token && !client.process_pid &&
      client.process_name.empty() && client.app_id.empty() && client.framework.empty() && aws.session_name.empty()) {
    return false;
  }
  Binder to(statement);
  to.integer(seq);
  to.text(record.aws.invocation_id);
  to.optional(record.aws.attempt);
  to.optional(record.timing_ms.first_token);
  to.optional(record.client.process_pid);
  to.text(record.client.process_name);
  to.text(record.client.app_id);
  to.text(record.client.framework);
  to.text(record.aws.session_name);
  return true;
}

}  // namespace

struct CallStoreWriter::State {
  Database database;
  Statement insert, insert_origin, insert_block, last_seq;
  Statement begin, commit, rollback;
  std::mutex keep_mutex;  // guards `keep` and `keep_is_new`
  StoreKeep keep;
  bool keep_is_new = false;
  RecordPacker packer;
  std::optional<WallTime> pruned_at;
  std::string text;                // of the block that is being made
  std::vector<std::size_t> sizes;  // of the records in it
  std::string place;

  Result<void> insert_all(std::span<const calls::CallRecord> batch) {
    if (last_seq.step() != Statement::Row::row) return unexpected(database.error("read"));
    std::int64_t seq = last_seq.integer(0);
    last_seq.rewind();
    while (!batch.empty()) {
      text.clear();
      sizes.clear();
      while (sizes.size() < batch.size() && text.size() < block_octets) {
        const std::size_t before = text.size();
        calls::append_json(text, batch[sizes.size()]);
        sizes.push_back(text.size() - before);
      }
      if (auto done = insert_one_block(batch.first(sizes.size()), seq + 1); !done) return done;
      seq += static_cast<std::int64_t>(sizes.size());
      batch = batch.subspan(sizes.size());
    }
    return {};
  }

  // Those whose records are in `text`.
  Result<void> insert_one_block(std::span<const calls::CallRecord> records, std::int64_t seq) {
    const auto packed = packer.pack(text);
    if (!packed) return unexpected(packed.error());
    insert_block.bind(1, seq);
    insert_block.bind(2, seq + static_cast<std::int64_t>(records.size()) - 1);
    insert_block.bind_blob(3, *packed);
    if (auto done = run(insert_block); !done) return done;
    RecordPlace at{.block = database.last_row()};
    for (std::size_t i = 0; i < records.size(); ++i) {
      at.size = sizes[i];
      encode(place, at);
      bind_record(insert, seq, records[i], place);
      if (auto done = run(insert); !done) return done;
      if (bind_origin(insert_origin, seq, records[i])) {
        if (auto done = run(insert_origin); !done) return done;
      }
      ++seq;
      at.offset += at.size;
    }
    return {};
  }

  Result<void> run(Statement& statement) {
    const auto row = statement.step();
    auto failure = row == Statement::Row::failed ? database.error("write to") : Error{};
    statement.rewind();
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
    if (auto begun = run(begin); !begun) return unexpected(begun.error());
    auto taken = remove_calls(database, which, SharedBlock::stays);
    if (taken) {
      if (auto committed = run(commit); !committed) taken = unexpected(committed.error());
    }
    if (!taken) (void)run(rollback);
    return taken;
  }

  // The last of the `count` calls that were written first, and of those that share its block: the block's space is only
  // free without all of them.
  Result<std::int64_t> end_of_first(std::uint64_t count) {
    return database.integer(
        fmt::format("WITH last AS (SELECT max(seq) AS seq FROM (SELECT seq FROM calls ORDER BY seq LIMIT {})) "
                    "SELECT coalesce((SELECT CASE WHEN first_seq <= last.seq THEN last_seq END FROM record_blocks "
                    "WHERE last_seq >= last.seq ORDER BY block LIMIT 1), last.seq) FROM last",
                    count));
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
  auto insert_origin = database->prepare(insert_origin_sql);
  if (!insert_origin) return unexpected(insert_origin.error());
  auto insert_block = database->prepare(insert_block_sql);
  if (!insert_block) return unexpected(insert_block.error());
  auto last_seq = database->prepare(last_seq_sql);
  if (!last_seq) return unexpected(last_seq.error());
  auto begin = database->prepare("BEGIN IMMEDIATE");
  if (!begin) return unexpected(begin.error());
  auto commit = database->prepare("COMMIT");
  if (!commit) return unexpected(commit.error());
  auto rollback = database->prepare("ROLLBACK");
  if (!rollback) return unexpected(rollback.error());
  auto state = std::unique_ptr<State>(new State{std::move(*database),
                                                std::move(*insert),
                                                std::move(*insert_origin),
                                                std::move(*insert_block),
                                                std::move(*last_seq),
                                                std::move(*begin),
                                                std::move(*commit),
                                                std::move(*rollback),
                                                {},
                                                keep,
                                                false,
                                                RecordPacker(),
                                                {},
                                                {},
                                                {},
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
    const auto which = fmt::format("seq IN (SELECT seq FROM calls WHERE started_us < {} ORDER BY started_us LIMIT {})",
                                   oldest, prune_step);
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
    const auto end = state_->end_of_first(step);
    if (!end) return unexpected(end.error());
    auto some = state_->take_away(fmt::format("seq <= {}", *end));
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
