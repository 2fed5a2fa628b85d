#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "calls/utf8.h"
#include "store/call_store.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/stored_records.h"

namespace borehole::store {

namespace {

constexpr std::string_view summary_columns =
    "id, started_us, way_in, outcome, operation, model_id, upstream_host, method, target, error_code, status, "
    "input_tokens, output_tokens, total_ms, request_bytes, response_bytes, record";
constexpr int id_column = 0;
constexpr int record_column = 16;

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

// A text as it may stand in a record: in a header or a target (escaped once), or in a JSON body (a string in a string:
// escaped twice).
class TextFilter {
 public:
  explicit TextFilter(std::string_view text) {
    const std::string once = json_escaped(text);
    for (const std::string& form : {std::string(text), once, json_escaped(once)}) {
      std::string needle = folded(form);
      if (std::find(forms_.begin(), forms_.end(), needle) == forms_.end()) forms_.push_back(std::move(needle));
    }
  }
  bool matches(std::string_view json) const {
    const std::string hay = folded(json);
    return std::any_of(forms_.begin(), forms_.end(),
                       [&](const std::string& form) { return hay.find(form) != std::string::npos; });
  }

 private:
  std::vector<std::string> forms_;
};

struct Query {
  std::string sql;
  std::vector<std::string> texts;
};

Query query_for(const CallFilter& filter) {
  Query query;
  query.sql = fmt::format("SELECT {} FROM calls WHERE 1", summary_columns);
  const auto with = [&](const std::optional<std::string>& value, std::string_view condition) {
    if (!value) return;
    query.sql += condition;
    query.texts.push_back(*value);
  };
  with(filter.model, " AND instr(lower(model_id), lower(?)) > 0");
  with(filter.operation, " AND operation = ? COLLATE NOCASE");
  with(filter.outcome, " AND outcome = ? COLLATE NOCASE");
  with(filter.access_key, " AND access_key_id = upper(?)");  // they are written in capitals
  with(filter.session, " AND session_id = ? COLLATE NOCASE");
  if (filter.status) query.sql += fmt::format(" AND status = {}", *filter.status);
  if (filter.since) query.sql += fmt::format(" AND started_us >= {}", filter.since->time_since_epoch().count());
  if (filter.until) query.sql += fmt::format(" AND started_us < {}", filter.until->time_since_epoch().count());
  query.sql += " ORDER BY started_us DESC, seq DESC";
  if (!filter.text) {
    constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
    query.sql += fmt::format(" LIMIT {}", std::min(filter.limit, most));
  }
  return query;
}

template <class T>
std::optional<T> optional_integer(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return static_cast<T>(row.integer(column));
}

CallSummary read_summary(const Statement& row) {
  CallSummary out;
  out.id = row.text(id_column);
  out.started_at = format_rfc3339(WallTime(std::chrono::microseconds(row.integer(1))));
  out.way_in = row.text(2);
  out.outcome = row.text(3);
  out.operation = row.text(4);
  out.model_id = row.text(5);
  out.upstream_host = row.text(6);
  out.method = row.text(7);
  out.target = row.text(8);
  out.error_code = row.text(9);
  out.status = optional_integer<int>(row, 10);
  out.input_tokens = optional_integer<std::uint64_t>(row, 11);
  out.output_tokens = optional_integer<std::uint64_t>(row, 12);
  if (!row.is_null(13)) out.total_ms = row.real(13);
  out.request_bytes = static_cast<std::uint64_t>(row.integer(14));
  out.response_bytes = static_cast<std::uint64_t>(row.integer(15));
  return out;
}

Error not_found(std::string detail) { return Error{ErrorCode::not_found, Fault::client, std::move(detail)}; }

}  // namespace

struct CallStoreReader::State {
  Database database;
  mutable StoredRecords unpacker;

  // Calls `take` with each row that fits, newest first, until it has had `filter.limit` of them.
  template <class Take>
  Result<void> each(const CallFilter& filter, Take&& take) const {
    const Query query = query_for(filter);
    auto statement = database.prepare(query.sql);
    if (!statement) return unexpected(statement.error());
    for (std::size_t i = 0; i < query.texts.size(); ++i) {
      statement->bind_text(static_cast<int>(i) + 1, query.texts[i]);
    }
    std::optional<TextFilter> text;
    if (filter.text) text.emplace(*filter.text);
    for (std::size_t taken = 0; taken < filter.limit;) {
      const auto row = statement->step();
      if (row == Statement::Row::failed) return unexpected(database.error("read"));
      if (row == Statement::Row::done) break;
      if (text) {
        const auto json = unpacker.unpack(statement->octets(record_column));
        if (!json) return unexpected(json.error());
        if (!text->matches(*json)) continue;
      }
      ++taken;
      if (auto done = take(*statement); !done) return done;
    }
    return {};
  }
};

CallStoreReader::CallStoreReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
CallStoreReader::~CallStoreReader() = default;

Result<std::unique_ptr<CallStoreReader>> CallStoreReader::open(const std::string& path) {
  struct stat there {};
  if (stat(path.c_str(), &there) != 0) {
    return unexpected(not_found(
        fmt::format("there is no call store at {} yet; it is made when a proxy with record.store runs", path)));
  }
  auto database = Database::open(path, SQLITE_OPEN_READONLY);
  if (!database) return unexpected(database.error());
  const auto version = check_version(*database, path, migrations().size());
  if (!version) return unexpected(version.error());
  if (static_cast<std::size_t>(*version) < migrations().size()) {
    return unexpected(
        Error{ErrorCode::store_failed, Fault::proxy,
              fmt::format("the call store {} is of an older borehole; start the proxy with it once, which "
                          "brings it up to date",
                          path)});
  }
  auto records = StoredRecords::open(*database);
  if (!records) return unexpected(records.error());
  auto state = std::unique_ptr<State>(new State{std::move(*database), std::move(*records)});
  return std::unique_ptr<CallStoreReader>(new CallStoreReader(std::move(state)));
}

Result<std::vector<CallSummary>> CallStoreReader::list(const CallFilter& filter) const {
  std::vector<CallSummary> out;
  auto done = state_->each(filter, [&](const Statement& row) -> Result<void> {
    out.push_back(read_summary(row));
    return {};
  });
  if (!done) return unexpected(std::move(done.error()));
  return out;
}

Result<std::vector<std::string>> CallStoreReader::list_json(const CallFilter& filter) const {
  std::vector<std::string> out;
  auto done = state_->each(filter, [&](const Statement& row) -> Result<void> {
    auto json = state_->unpacker.unpack(row.octets(record_column));
    if (!json) return unexpected(json.error());
    out.push_back(std::move(*json));
    return {};
  });
  if (!done) return unexpected(std::move(done.error()));
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

}  // namespace borehole::store
