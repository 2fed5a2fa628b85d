#include "store/call_insertion.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "calls/record_json.h"
#include "store/record_blob.h"
#include "store/record_place.h"

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

// Not one that a block still spans, or that was counted, though its call is gone.
constexpr std::string_view last_seq_sql =
    "SELECT max(coalesce((SELECT max(seq) FROM calls), 0), coalesce((SELECT seq FROM totals_done), 0), "
    "coalesce((SELECT last_seq FROM record_blocks ORDER BY block DESC LIMIT 1), 0))";

constexpr std::string_view insert_attempt_sql = "INSERT INTO attempts (invocation, start, call) VALUES (?, ?, ?)";

// A first attempt that went well, to which there turns out to be another. ?1: the invocation; ?2: the other's `seq`.
constexpr std::string_view insert_first_attempt_sql = R"sql(
INSERT INTO attempts SELECT invocation_id, started_us, seq FROM call_origins CROSS JOIN calls ON seq = of_call
  WHERE of_call BETWEEN ?2 - 1000 AND ?2 - 1 AND invocation_id = ?1
  AND NOT EXISTS (SELECT 1 FROM attempts WHERE invocation = ?1)
)sql";

// Before compression. A block is read whole for each of its records; past this one more does not make it much denser.
constexpr std::size_t block_octets = std::size_t{128} * 1024;

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

std::string_view error_type(const calls::CallRecord& record) {
  const auto& response = record.response;
  return response.error_type.empty() && response.stream ? std::string_view(response.stream->exception)
                                                        : std::string_view(response.error_type);
}

// Whether the call may not be alone in its invocation, as far as it tells itself.
bool may_be_one_of_several(const calls::CallRecord& record) {
  if (record.aws.invocation_id.empty()) return false;
  return record.aws.attempt.value_or(0) != 1 || record.outcome != calls::Outcome::complete ||
         record.response.status.value_or(999) >= 400 || !error_type(record).empty();
}

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
  to.text(error_type(record));
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

struct CallInsertion::State {
  Database& database;
  CallTotals& totals;
  Statement insert, insert_origin, insert_block, insert_attempt, insert_first_attempt, last_seq;
  Statement begin, commit, rollback;
  RecordPacker packer{};
  std::string text{};                // of the block that is being made
  std::vector<std::size_t> sizes{};  // of the records in it
  std::string place{};
  std::set<std::string> retried{};  // invocations with an attempt in the batch that is not known to be the first

  Result<void> insert_all(std::span<const calls::CallRecord> batch) {
    if (last_seq.step() != Statement::Row::row) return unexpected(database.error("read"));  // `take_back` rewinds it
    std::int64_t seq = last_seq.integer(0);
    last_seq.rewind();
    retried.clear();
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
    return totals.attempted(retried);
  }

  Result<void> insert_as_attempt(const calls::CallRecord& record, std::int64_t seq) {
    const std::string& invocation = record.aws.invocation_id;
    if (record.aws.attempt.value_or(1) > 1) {
      insert_first_attempt.bind_text_view(1, invocation);
      insert_first_attempt.bind(2, seq);
      if (auto done = run(insert_first_attempt); !done) return done;
    }
    insert_attempt.bind_text_view(1, invocation);
    insert_attempt.bind(2, micros(record.started_at));
    insert_attempt.bind(3, seq);
    if (record.aws.attempt.value_or(2) > 1) retried.insert(invocation);
    return run(insert_attempt);
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
      if (may_be_one_of_several(records[i])) {
        if (auto done = insert_as_attempt(records[i], seq); !done) return done;
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

  // Where it is left half-way, also by an exception (memory ran out), so that the next batch finds no transaction open.
  void take_back() noexcept {
    for (Statement* one : {&insert, &insert_origin, &insert_block, &last_seq, &commit}) one->rewind();
    (void)rollback.step();
    rollback.rewind();
  }
};

CallInsertion::CallInsertion(std::unique_ptr<State> state) : state_(std::move(state)) {}
CallInsertion::~CallInsertion() = default;
CallInsertion::CallInsertion(CallInsertion&&) noexcept = default;
CallInsertion& CallInsertion::operator=(CallInsertion&&) noexcept = default;

Result<CallInsertion> CallInsertion::prepare(Database& database, CallTotals& totals) {
  std::vector<Statement> made;
  for (const std::string_view sql :
       {insert_sql, insert_origin_sql, insert_block_sql, insert_attempt_sql, insert_first_attempt_sql, last_seq_sql,
        std::string_view("BEGIN IMMEDIATE"), std::string_view("COMMIT"), std::string_view("ROLLBACK")}) {
    auto statement = database.prepare(sql);
    if (!statement) return unexpected(statement.error());
    made.push_back(*std::move(statement));
  }
  auto next = made.begin();
  const auto take = [&next] { return std::move(*next++); };
  return CallInsertion(std::unique_ptr<State>(
      new State{database, totals, take(), take(), take(), take(), take(), take(), take(), take(), take()}));
}

Result<void> CallInsertion::write(std::span<const calls::CallRecord> batch) {
  if (batch.empty()) return {};
  if (auto begun = state_->run(state_->begin); !begun) return begun;
  try {
    auto done = state_->insert_all(batch);
    if (done) done = state_->run(state_->commit);
    if (!done) state_->take_back();
    return done;
  } catch (...) {
    state_->take_back();
    throw;
  }
}

}  // namespace borehole::store
