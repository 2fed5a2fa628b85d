#include "store/schema.h"

#include <fmt/format.h>

#include <array>

namespace borehole::store {

namespace {

// The columns are what `calls list` shows and filters need; the record itself is JSON, compressed with zstd. `record`
// is that, as calls of the first step have it, or says where it lies in a block (record_place.h): records that were
// written together are compressed together, since prompts and headers repeat themselves from call to call. A block has
// the records of the calls `first_seq` to `last_seq`, and goes when the last of them does. `seq` is the order of
// writing.
constexpr std::array<std::string_view, 7> steps{
    R"sql(
CREATE TABLE calls (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  started_us INTEGER NOT NULL,
  way_in TEXT NOT NULL,
  outcome TEXT NOT NULL,
  error_code TEXT,
  upstream_host TEXT,
  method TEXT,
  target TEXT,
  status INTEGER,
  service TEXT,
  operation TEXT,
  region TEXT,
  model_id TEXT,
  access_key_id TEXT,
  request_id TEXT,
  input_tokens INTEGER,
  output_tokens INTEGER,
  cost_usd TEXT,
  total_ms REAL,
  request_bytes INTEGER NOT NULL,
  response_bytes INTEGER NOT NULL,
  record BLOB NOT NULL
) STRICT;
CREATE INDEX calls_by_start ON calls (started_us);
CREATE INDEX calls_by_access_key ON calls (access_key_id, started_us);
)sql",
    R"sql(
ALTER TABLE calls ADD COLUMN session_id TEXT;
)sql",
    // Null in calls that were there before: their records tell, but reading millions of them would hold up a start.
    R"sql(
ALTER TABLE calls ADD COLUMN sdk TEXT;
ALTER TABLE calls ADD COLUMN error_type TEXT;
ALTER TABLE calls ADD COLUMN cache_read_tokens INTEGER;
ALTER TABLE calls ADD COLUMN cache_write_tokens INTEGER;
)sql",
    R"sql(
CREATE TABLE record_blocks (
  block INTEGER PRIMARY KEY AUTOINCREMENT,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  records BLOB NOT NULL
) STRICT;
)sql",
    // Of calls from now on, as far as they tell. Neither columns of `calls` nor an index on them: newer SQLites read
    // the whole table for each such column, and any for the index. `attempts` has the calls that may not be alone in
    // their invocation. Most are a first attempt that went well, and left out; is there another attempt all the same,
    // the first is looked for among the calls written shortly before. From here on `access_key_id` may also be the name
    // of an API key.
    R"sql(
CREATE TABLE call_origins (
  of_call INTEGER PRIMARY KEY,
  invocation_id TEXT,
  attempt INTEGER,
  first_token_ms REAL,
  process_pid INTEGER,
  process_name TEXT,
  app_id TEXT,
  framework TEXT,
  session_name TEXT
) STRICT;
CREATE TABLE attempts (
  invocation TEXT NOT NULL,
  start INTEGER NOT NULL,
  call INTEGER NOT NULL,
  PRIMARY KEY (invocation, start, call)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER attempt_after_good_one BEFORE INSERT ON call_origins
WHEN new.attempt > 1 AND NOT EXISTS (SELECT 1 FROM attempts WHERE invocation = new.invocation_id)
BEGIN
  INSERT INTO attempts SELECT invocation_id, started_us, seq FROM call_origins CROSS JOIN calls ON seq = of_call
    WHERE of_call BETWEEN new.of_call - 1000 AND new.of_call - 1 AND invocation_id = new.invocation_id;
END;
CREATE TRIGGER attempt_written AFTER INSERT ON call_origins
WHEN new.invocation_id IS NOT NULL
BEGIN
  INSERT INTO attempts SELECT new.invocation_id, started_us, seq FROM calls
    WHERE seq = new.of_call AND NOT (coalesce(new.attempt, 0) = 1 AND outcome = 'complete'
      AND coalesce(status, 999) < 400 AND error_type IS NULL);
END;
CREATE TRIGGER call_removed AFTER DELETE ON calls
BEGIN
  DELETE FROM attempts WHERE start = old.started_us AND call = old.seq
    AND invocation = (SELECT invocation_id FROM call_origins WHERE of_call = old.seq);
  DELETE FROM call_origins WHERE of_call = old.seq;
END;
)sql",
    // What the two triggers did at each insertion the writer does from here on. `call_totals` has sums over the calls
    // up to `totals_done` in the order of writing (call_totals.h), which begins at none: the writer counts a part at a
    // time, and who reads counts the rest by itself. `retries` has those of them that were not the first attempt;
    // `last`: and are the last one.
    R"sql(
DROP TRIGGER attempt_after_good_one;
DROP TRIGGER attempt_written;
CREATE TABLE call_kinds (
  kind INTEGER PRIMARY KEY AUTOINCREMENT,
  part INTEGER NOT NULL,
  way_in TEXT,
  outcome TEXT,
  upstream_host TEXT,
  status INTEGER,
  operation TEXT,
  region TEXT,
  model_id TEXT,
  access_key_id TEXT,
  sdk TEXT,
  app_id TEXT,
  framework TEXT,
  process_pid INTEGER,
  process_name TEXT,
  session_id TEXT
) STRICT;
CREATE INDEX call_kinds_by_name ON call_kinds (part, model_id, access_key_id, process_pid, session_id);
CREATE TABLE call_totals (
  kind INTEGER NOT NULL,
  level INTEGER NOT NULL,
  start INTEGER NOT NULL,
  sums BLOB NOT NULL,
  PRIMARY KEY (kind, level, start)
) STRICT, WITHOUT ROWID;
CREATE TABLE retries (
  start INTEGER NOT NULL,
  call INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (start, call)
) STRICT, WITHOUT ROWID;
CREATE INDEX retries_followed ON retries (start, call) WHERE last = 0;
CREATE TABLE totals_done (seq INTEGER NOT NULL) STRICT;
INSERT INTO totals_done VALUES (0);
)sql",
    R"sql(
DROP INDEX call_kinds_by_name;
CREATE INDEX call_kinds_by_values ON call_kinds (part, model_id, access_key_id, process_pid, session_id, upstream_host,
  app_id, sdk, framework, region, process_name, operation, status, outcome, way_in);
)sql"};

Error version_failure(std::string detail) { return Error{ErrorCode::store_failed, Fault::proxy, std::move(detail)}; }

}  // namespace

std::span<const std::string_view> migrations() noexcept { return steps; }

Result<std::int64_t> check_version(const Database& database, const std::string& path, std::size_t known_version) {
  const auto owner = database.integer("PRAGMA application_id");
  if (!owner) return unexpected(owner.error());
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return unexpected(version.error());
  const auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return unexpected(tables.error());
  const bool empty = *owner == 0 && *version == 0 && *tables == 0;
  if (!empty && *owner != application_id) {
    return unexpected(version_failure(
        fmt::format("{} is another program's SQLite database; name another file in record.store", path)));
  }
  if (*version < 0 || static_cast<std::uint64_t>(*version) > known_version) {
    return unexpected(version_failure(fmt::format(
        "the call store {} was written by a newer borehole (schema {}, this one knows {}); update borehole, "
        "or name another file in record.store",
        path, *version, known_version)));
  }
  return *version;
}

Result<void> migrate(Database& database, std::span<const std::string_view> all) {
  for (;;) {
    // The version is read inside the transaction: another process may be doing the same.
    if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun;
    const auto version = database.integer("PRAGMA user_version");
    if (!version || static_cast<std::uint64_t>(*version) >= all.size()) {
      auto ended = database.execute("ROLLBACK");
      if (!version) return unexpected(version.error());
      return ended;
    }
    const std::string sql = fmt::format("{}; PRAGMA application_id={}; PRAGMA user_version={}; COMMIT",
                                        all[static_cast<std::size_t>(*version)], application_id, *version + 1);
    if (auto done = database.execute(sql); !done) {
      (void)database.execute("ROLLBACK");
      return done;
    }
  }
}

}  // namespace borehole::store
