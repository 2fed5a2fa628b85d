// Sums that the writer keeps: the same as those over the calls, whatever was written, taken away or left half done.
#include "store/call_totals.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "catch.h"
#include "store/call_kinds.h"
#include "store/call_pruner.h"
#include "store/call_store.h"
#include "store/call_sums_blob.h"
#include "store/schema.h"
#include "store/statistics_query.h"
#include "unit/store/scratch.h"
#include "unit/store/zone.h"

namespace borehole::store {

namespace {

constexpr std::array every_group{GroupBy::model,   GroupBy::operation, GroupBy::status, GroupBy::key,
                                 GroupBy::sdk,     GroupBy::hour,      GroupBy::day,    GroupBy::host,
                                 GroupBy::outcome, GroupBy::process,   GroupBy::app,    GroupBy::framework,
                                 GroupBy::session, GroupBy::region};

Database opened(const std::string& path) {
  auto database = Database::open(path, SQLITE_OPEN_READWRITE);
  REQUIRE(database.has_value());
  return *std::move(database);
}

std::int64_t number(const std::string& path, const std::string& sql) {
  return opened(path).integer("SELECT " + sql).value();
}

void run(const std::string& path, const std::string& sql) {
  auto database = opened(path);
  auto ran = database.execute(sql);
  INFO((ran ? std::string() : ran.error().detail));
  REQUIRE(ran.has_value());
}

std::unique_ptr<CallStoreWriter> writer(const std::string& path) {
  auto to = CallStoreWriter::open(path);
  INFO((to ? std::string() : to.error().detail));
  REQUIRE(to.has_value());
  return *std::move(to);
}

// What a writer does once enough calls are there.
std::uint64_t fold(const std::string& path, std::uint64_t most, const char* end = "COMMIT") {
  auto database = opened(path);
  auto totals = CallTotals::prepare(database);
  REQUIRE(totals.has_value());
  REQUIRE(database.execute("BEGIN IMMEDIATE").has_value());
  const auto folded = totals->fold(most);
  INFO((folded ? std::string() : folded.error().detail));
  REQUIRE(folded.has_value());
  REQUIRE(database.execute(end).has_value());
  return *folded;
}

CallStatistics statistics(const std::string& path, const CallFilter& filter, GroupBy by, std::int64_t one_by_one) {
  const auto database = opened(path);
  auto records = StoredRecords::open(database);
  REQUIRE(records.has_value());
  std::uint64_t unreadable = 0;
  auto made = read_statistics(database, static_cast<std::int64_t>(migrations().size()), filter, by, *records,
                              unreadable, one_by_one);
  INFO((made ? std::string() : made.error().detail));
  REQUIRE(made.has_value());
  return *std::move(made);
}

bool close(const std::optional<double>& a, const std::optional<double>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return std::abs(*a - *b) <= *b * 0.0051 + 0.001;
}

// Empty: they say the same.
std::string difference(const CallGroup& a, const CallGroup& b) {
  std::string out;
  const auto same = [&](const char* what, const auto& x, const auto& y) {
    if (x != y) out += fmt::format("{} of {}: {} and {}; ", what, b.key, x, y);
  };
  same("key", a.key, b.key);
  same("calls", a.calls, b.calls);
  same("errors", a.errors, b.errors);
  same("throttles", a.throttles, b.throttles);
  same("retried", a.retried, b.retried);
  same("gave_up", a.gave_up, b.gave_up);
  same("with_cost", a.with_cost, b.with_cost);
  same("cost", a.cost.text(), b.cost.text());
  same("told", a.input_tokens.has_value(), b.input_tokens.has_value());
  same("input", a.input_tokens.value_or(0), b.input_tokens.value_or(0));
  same("output", a.output_tokens.value_or(0), b.output_tokens.value_or(0));
  same("cache read", a.cache_read_tokens.value_or(0), b.cache_read_tokens.value_or(0));
  same("cache write", a.cache_write_tokens.value_or(0), b.cache_write_tokens.value_or(0));
  for (const auto& [x, y] : {std::pair(a.total_ms, b.total_ms), std::pair(a.first_token_ms, b.first_token_ms)}) {
    if (!close(x.p50, y.p50) || !close(x.p95, y.p95) || !close(x.p99, y.p99)) {
      out += fmt::format("percentiles of {}: {} {} {} and {} {} {}; ", b.key, x.p50.value_or(-1), x.p95.value_or(-1),
                         x.p99.value_or(-1), y.p50.value_or(-1), y.p95.value_or(-1), y.p99.value_or(-1));
    }
  }
  return out;
}

std::string difference(const CallStatistics& a, const CallStatistics& b) {
  if (a.groups.size() != b.groups.size()) return fmt::format("{} and {} groups", a.groups.size(), b.groups.size());
  std::string out = difference(a.total, b.total);
  for (std::size_t i = 0; i < a.groups.size(); ++i) out += difference(a.groups[i], b.groups[i]);
  return out;
}

// What the totals say is what the calls say, with these filters: the first in every group, the others in some.
void compare(const std::string& path, const std::vector<CallFilter>& filters, std::size_t groups = every_group.size()) {
  for (std::size_t i = 0; i < filters.size(); ++i) {
    for (std::size_t group = i; group < groups; group += i == 0 ? 1 : 4) {
      const GroupBy by = every_group.at(group);
      CAPTURE(i, group_by_name(by));
      CHECK(difference(statistics(path, filters[i], by, -1),
                       statistics(path, filters[i], by, std::numeric_limits<std::int32_t>::max())) == "");
    }
  }
}

class Calls {
 public:
  explicit Calls(unsigned seed) : random_(seed) {}

  std::vector<calls::CallRecord> some(int count) {
    std::vector<calls::CallRecord> out;
    for (int i = 0; i < count; ++i) out.push_back(one());
    return out;
  }

  // Three days, more or less in order.
  calls::CallRecord one() {
    second_ += below(240);
    calls::CallRecord out = record(fmt::format("{:06}", ++number_), second_ - below(100));
    out.aws.model_id = fmt::format("model-{}", below(3));
    out.aws.region = below(4) == 0 ? "eu-west-1" : "us-east-1";
    out.aws.access_key_id = below(3) == 0 ? "" : fmt::format("AKIA{}", below(2));
    out.client.sdk = below(2) == 0 ? "boto3" : "";
    out.client.app_id = below(5) == 0 ? "billing" : "";
    if (below(3) == 0) {
      out.client.process_pid = 100 + below(3);
      out.client.process_name = "python3";
    }
    out.session_id = below(2) == 0 ? fmt::format("chat {}", below(4)) : "";
    if (below(6) == 0) out.response.status = below(2) == 0 ? 429 : 500;
    if (out.response.status == 429) out.response.error_type = "ThrottlingException";
    if (below(20) == 0) out.outcome = calls::Outcome::client_aborted;
    if (below(4) != 0) out.usage.input_tokens = static_cast<std::uint64_t>(below(5000));
    if (below(4) != 0) out.usage.output_tokens = static_cast<std::uint64_t>(below(5000));
    if (below(9) == 0) out.usage.cache_read_tokens = static_cast<std::uint64_t>(below(500));
    if (below(3) != 0) out.cost_usd = fmt::format("0.{:09}", 1 + below(999'999'998));
    out.timing_ms.total = 0.5 + below(100'000) / 7.0;
    if (below(2) == 0) out.timing_ms.first_token = 1 + below(9000) / 3.0;
    if (below(3) != 0) {  // some of them again, with the next number, or with none
      const int invocation = std::max(0, number_ / 2 - below(3));
      out.aws.invocation_id = fmt::format("invocation-{}", invocation);
      if (below(8) != 0) out.aws.attempt = 1 + below(4);
    } else if (below(20) == 0) {
      out.aws.attempt = 2;  // of an invocation that is not named
    }
    return out;
  }

  int below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(random_); }

 private:
  std::mt19937 random_;
  int number_ = 0;
  long long second_ = 0;
};

const std::vector<CallFilter> filters{{},
                                      {.model = "model-1"},
                                      {.errors = true},
                                      {.session = "chat 2"},
                                      {.access_key = "akia1", .since = at_second(10'000), .until = at_second(90'010)},
                                      {.since = at_second(20'000)},
                                      {.until = at_second(100'000)},
                                      {.status = StatusRange(400, 499), .until = at_second(86'400)},
                                      {.since = at_second(7000), .until = at_second(7100)}};

}  // namespace

TEST_CASE("totals are the sums over the calls, after any writes and removals", "[call_totals]") {
  const unsigned seed = GENERATE(1U, 2U);
  CAPTURE(seed);
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  Calls calls(seed);
  const auto to = writer(path);
  for (int turn = 0; turn < 14; ++turn) {
    CAPTURE(turn);
    REQUIRE(to->write(calls.some(1 + calls.below(160))).has_value());
    if (turn % 3 != 1) fold(path, static_cast<std::uint64_t>(calls.below(300)));
    if (turn % 4 == 3) {
      auto by = CallPruner::open(path);
      REQUIRE(by.has_value());
      const std::array<CallFilter, 4> chosen{{{.status = 429},
                                              {.model = "model-2", .until = at_second(turn * 6000)},
                                              {.session = "chat 1"},
                                              {.until = at_second(turn * 2000)}}};
      REQUIRE((*by)->prune(chosen.at(static_cast<std::size_t>(calls.below(4))), [] { return true; }).has_value());
    }
    if (turn == 9) REQUIRE(to->prune({.days = 1}, at_second(100'000)).has_value());
  }
  CHECK(number(path, "count(*) FROM call_totals") > 0);
  CHECK(number(path, "seq FROM totals_done") > 300);
  CHECK(number(path, "(SELECT max(seq) FROM calls) - seq FROM totals_done") > 0);  // and some that are not in them
  compare(path, filters);
  fold(path, 1'000'000);
  compare(path, filters);
  for (const char* zone : {"NPT-5:45", "MST7", "CET-1CEST,M1.1.0,M10.5.0/3"}) {  // days of other hours, and one of 23
    const Zone here(zone);
    CAPTURE(zone);
    for (const GroupBy by : {GroupBy::day, GroupBy::hour}) {
      const CallFilter filter{.model = "model-1", .since = at_second(1000)};
      CHECK(difference(statistics(path, filter, by, -1), statistics(path, filter, by, 1'000'000)) == "");
    }
  }

  auto by = CallPruner::open(path);
  REQUIRE((*by)->prune({}, [] { return true; }).has_value());
  for (const char* table : {"call_totals", "call_kinds", "retries", "attempts", "calls"}) {
    CAPTURE(table);
    CHECK(number(path, fmt::format("count(*) FROM {}", table)) == 0);
  }
  REQUIRE(to->write(calls.some(100)).has_value());  // not taken for calls that were counted
  CHECK(statistics(path, {}, GroupBy::model, -1).total.calls == 100);
  CHECK(fold(path, 1000) == 100);
  compare(path, {{}});
}

TEST_CASE("a writer counts calls once they are many", "[call_totals]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  const auto to = writer(path);
  std::vector<calls::CallRecord> batch;
  for (int i = 0; i < 4100; ++i) batch.push_back(record(fmt::format("{:06}", i), i));
  REQUIRE(to->write(batch).has_value());
  CHECK(number(path, "seq FROM totals_done") == 0);
  for (auto& one : batch) one.id += "B";
  REQUIRE(to->write(batch).has_value());
  CHECK(number(path, "seq FROM totals_done") == 8192);
  CHECK(statistics(path, {}, GroupBy::model, -1).total.calls == 8200);
}

TEST_CASE("a store from before there were totals is brought up to date without being read, and counted by and by",
          "[call_totals]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  {
    auto database = Database::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    REQUIRE(database.has_value());
    REQUIRE(migrate(*database, migrations().first(5)).has_value());
    REQUIRE(database
                ->execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
                          "INSERT INTO calls (seq, id, started_us, way_in, outcome, status, model_id, input_tokens, "
                          "cost_usd, total_ms, request_bytes, response_bytes, record) SELECT i, printf('%026d', i), "
                          "i * 20000000, 'connect', 'complete', iif(i % 50 = 0, 429, 200), 'm' || (i % 3), i, "
                          "'0.000001', i % 1000, 0, 0, zeroblob(100) FROM n")
                .has_value());
    REQUIRE(
        database
            ->execute("INSERT INTO call_origins (of_call, invocation_id, attempt) SELECT seq, 'inv' || (seq / 100), "
                      "1 + seq % 2 FROM calls WHERE seq % 100 < 2")
            .has_value());
  }
  // The pages that the step reads from the file, of some hundreds.
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  REQUIRE(sqlite3_exec(handle, std::string(migrations()[5]).c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  int read = 0, highest = 0;
  REQUIRE(sqlite3_db_status(handle, SQLITE_DBSTATUS_CACHE_MISS, &read, &highest, 0) == SQLITE_OK);
  sqlite3_exec(handle, "PRAGMA user_version=6", nullptr, nullptr, nullptr);
  sqlite3_close(handle);
  CHECK(read < 50);

  const auto to = writer(path);
  compare(path, {{}}, 1);  // counted are none
  for (int turn = 0; turn < 1000 && number(path, "seq FROM totals_done") < 16'384; ++turn) {
    REQUIRE(to->tend(at_second(turn)).has_value());
  }
  CHECK(number(path, "seq FROM totals_done") == 16'384);
  compare(path, {{}, {.model = "m1"}}, 2);
  CHECK(statistics(path, {}, GroupBy::model, -1).total.retried == 200);
}

TEST_CASE("a kind is found by all its columns in an index, however many kinds there are", "[call_totals]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  writer(path);
  const auto database = opened(path);
  for (const TotalsPart part : all_parts) {
    CAPTURE(static_cast<int>(part));
    auto plan = database.prepare("EXPLAIN QUERY PLAN " + find_kind_sql(part));
    REQUIRE(plan.has_value());
    REQUIRE(plan->step() == Statement::Row::row);
    const std::string how = plan->text(3);
    CAPTURE(how);
    CHECK(how.starts_with("SEARCH"));
    for (const std::string_view column : kind_columns) {
      CAPTURE(column);
      CHECK(how.find(fmt::format("{}=?", column)) != std::string::npos);
    }
  }
}

TEST_CASE("what a transaction did not keep was not counted", "[call_totals]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  Calls calls(7);
  const auto to = writer(path);
  REQUIRE(to->write(calls.some(300)).has_value());
  CHECK(fold(path, 200, "ROLLBACK") == 200);
  CHECK(number(path, "seq FROM totals_done") == 0);
  CHECK(number(path, "count(*) FROM call_totals") == 0);
  auto database = opened(path);
  auto totals = CallTotals::prepare(database);
  REQUIRE(totals.has_value());
  for (const char* end : {"ROLLBACK", "COMMIT"}) {  // by the same hands
    REQUIRE(database.execute("BEGIN IMMEDIATE").has_value());
    REQUIRE(totals->fold(200).has_value());
    REQUIRE(database.execute(end).has_value());
  }
  compare(path, {{}});
}

TEST_CASE("damaged totals are not believed, and are made anew", "[call_totals]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  Calls calls(8);
  const auto to = writer(path);
  REQUIRE(to->write(calls.some(300)).has_value());
  fold(path, 200);
  SECTION("sums that cannot be read") {
    run(path, "UPDATE call_totals SET sums = x'01ff'");
    compare(path, {{}});
    fold(path, 50);
  }
  SECTION("sums that are less than what is taken away") {
    const std::string none = encode(CallSums{.calls = 1});
    auto database = opened(path);
    auto update = database.prepare("UPDATE call_totals SET sums = ?");
    REQUIRE(update.has_value());
    update->bind_blob(1, none);
    REQUIRE(update->step() == Statement::Row::done);
    auto by = CallPruner::open(path);
    REQUIRE((*by)->prune({.model = "model-1"}, [] { return true; }).has_value());
  }
  CHECK(number(path, "seq FROM totals_done") == 0);
  CHECK(number(path, "count(*) FROM call_totals") == 0);
  fold(path, 250);
  compare(path, {{}});
}

TEST_CASE("sums come back as they were written; anything else is no sum", "[call_totals]") {
  CallSums sums;
  Calls calls(9);
  for (int i = 0; i < 500; ++i) {
    sums.add({.outcome = "complete",
              .cost_usd = "12345.000000000001",
              .status = 200 + i,
              .input_tokens = 1U << (i % 31),
              .total_ms = std::pow(1.1, i % 100),
              .first_token_ms = 0,
              .last_of_several = i % 2 == 0});
  }
  const std::string blob = encode(sums);
  const auto back = decode_sums(blob);
  REQUIRE(back.has_value());
  CHECK(encode(*back) == blob);
  CHECK(back->calls == 500);
  CHECK(back->errors == 300);
  CHECK(back->cost.text() == "6172500.0000000005");
  CHECK(back->total_ms.counted() == sums.total_ms.counted());
  CHECK(back->first_token_ms.counted() == Buckets::Counted{{0, 500}});
  for (std::size_t size = 0; size < blob.size(); ++size) CHECK_FALSE(decode_sums(blob.substr(0, size)).has_value());
  CHECK_FALSE(decode_sums(blob + '\0').has_value());
  CHECK_FALSE(decode_sums("\x02" + blob.substr(1)).has_value());
}

TEST_CASE("a walk through the calls leaves out times in which none fits", "[call_totals]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  const auto to = writer(path);
  // A call a minute; of the rare model some, also two of one moment, and the last behind what is counted.
  run(path,
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO calls (seq, id, "
      "started_us, way_in, outcome, status, model_id, session_id, request_bytes, response_bytes, record) SELECT i, "
      "printf('%026d', i), (i - (i = 9001)) * 60000000, 'connect', 'complete', iif(i = 20, 503, 200), iif(i IN (1, 17, "
      "9000, 9001, 9002, 15555, 29990, 30000), 'rare', 'common'), iif(i IN (2, 9000), 'chat', NULL), 0, 0, "
      "zeroblob(20) FROM n");
  fold(path, 29'995);
  const auto from = CallStoreReader::open(path);
  REQUIRE(from.has_value());
  const auto listed = [&](CallFilter filter) {
    std::vector<int> out;
    for (;;) {
      const auto page = (*from)->list(filter);
      REQUIRE(page.has_value());
      for (const auto& call : *page) out.push_back(std::stoi(call.id));
      if (page->size() < filter.limit) return out;
      filter.before = page->back().id;
    }
  };
  using Numbers = std::vector<int>;
  const Numbers rare{30000, 29990, 15555, 9002, 9001, 9000, 17, 1};
  CHECK(listed({.model = "rare", .limit = 100}) == rare);
  CHECK(listed({.model = "rare", .limit = 1}) == rare);
  CHECK(listed({.model = "rare", .limit = 3, .last_attempts = true}) == rare);
  CHECK(listed({.session = "chat", .limit = 100}) == Numbers{9000, 2});
  CHECK(listed({.model = "rare", .session = "chat", .limit = 100}) == Numbers{9000});
  CHECK(listed({.errors = true, .limit = 100}) == Numbers{20});
  CHECK(listed({.model = "nobody", .limit = 100}).empty());
  CHECK(listed({.model = "rare", .until = WallTime(std::chrono::minutes(9001)), .limit = 2}) ==
        Numbers{9001, 9000, 17, 1});
  CHECK(listed({.model = "common",
                .since = WallTime(std::chrono::minutes(8000)),
                .until = WallTime(std::chrono::minutes(9500)),
                .limit = 1000})
            .size() == 1497);
}

}  // namespace borehole::store
