// Calls of one invocation: listed as one, found together, counted once; and what older stores tell of them.
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "calls/record_json.h"
#include "catch.h"
#include "store/call_pruner.h"
#include "store/call_store.h"
#include "store/schema.h"
#include "unit/store/scratch.h"

namespace borehole::store {

namespace {

using Ids = std::vector<std::string>;

calls::CallRecord attempt(const std::string& id, long long second, const std::string& invocation, int number,
                          int status) {
  calls::CallRecord out = record(id, second);
  out.aws.invocation_id = invocation;
  out.aws.attempt = number;
  out.aws.max_attempts = 3;
  out.response.status = status;
  if (status == 429) out.response.error_type = "ThrottlingException";
  out.timing_ms.total = 250;
  return out;
}

std::vector<CallSummary> listed(const std::string& path, CallFilter filter) {
  filter.last_attempts = true;
  const auto from = CallStoreReader::open(path);
  REQUIRE(from.has_value());
  auto calls = (*from)->list(filter);
  INFO((calls ? std::string() : calls.error().detail));
  REQUIRE(calls.has_value());
  return *std::move(calls);
}

Ids ids(const std::vector<CallSummary>& calls) {
  Ids out;
  for (const auto& call : calls) out.push_back(call.id);
  return out;
}

Ids listed_ids(const std::string& path, const CallFilter& filter = {}) { return ids(listed(path, filter)); }

void write(const std::string& path, const std::vector<calls::CallRecord>& batch) {
  auto to = CallStoreWriter::open(path);
  INFO((to ? std::string() : to.error().detail));
  REQUIRE(to.has_value());
  REQUIRE((*to)->write(batch).has_value());
}

std::int64_t count(const std::string& path, const std::string& what) {
  auto database = Database::open(path, SQLITE_OPEN_READWRITE);
  REQUIRE(database.has_value());
  return database->integer("SELECT count(*) FROM " + what).value();
}

}  // namespace

TEST_CASE("the attempts of an invocation are one row: the last, with what all took", "[attempts]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  write(path, {attempt("A1", 1, "inv-a", 1, 429), attempt("B1", 2, "inv-b", 1, 200), attempt("A2", 3, "inv-a", 2, 429),
               record("C", 4), attempt("A3", 5, "inv-a", 3, 200), attempt("D2", 6, "inv-d", 2, 200)});
  const auto calls = listed(path, {});
  CHECK(ids(calls) == Ids{"D2", "A3", "C", "B1"});
  REQUIRE(calls.size() == 4);
  CHECK(calls[1].attempts == 3);
  CHECK(calls[1].status == 200);
  CHECK(calls[1].attempts_ms == 4250.0);  // from second 1 to a quarter behind second 5
  CHECK(calls[0].attempts == 2);          // the client says so; the first was never seen
  CHECK_FALSE(calls[0].attempts_ms.has_value());
  CHECK(calls[2].attempts == 1);
  CHECK(calls[3].attempts == 1);
  CHECK(calls[3].attempts_ms == 250.0);

  const auto from = CallStoreReader::open(path);
  REQUIRE(from.has_value());
  CHECK(ids(*(*from)->list({})) == Ids{"D2", "A3", "C", "A2", "B1", "A1"});  // without being asked: each
  CHECK(ids(*(*from)->attempts_of("inv-a", 10)) == Ids{"A1", "A2", "A3"});
  CHECK(ids(*(*from)->attempts_of("inv-a", 2)) == Ids{"A1", "A2"});
  CHECK((*from)->attempts_of("nobody", 10)->empty());
  CHECK((*from)->attempts_of("", 10)->empty());
  std::size_t records = 0;
  CallFilter whole{.last_attempts = true};
  REQUIRE((*from)->each(whole, CallOrder::newest_first, [&](const ReadCall&) { return ++records > 0; }).has_value());
  CHECK(records == 6);  // records are one a call
}

TEST_CASE("with a filter the row is the last attempt that fits", "[attempts]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto second = attempt("A2", 3, "inv-a", 2, 429);
  second.response.error_message = "needle";
  auto first = attempt("A1", 1, "inv-a", 1, 429);
  first.response.error_message = "needle";
  first.aws.access_key_id = "AKIAONE";
  write(path, {first, second, attempt("A3", 5, "inv-a", 3, 200)});
  CHECK(listed_ids(path, {.status = 429}) == Ids{"A2"});
  CHECK(listed(path, {.status = 429})[0].attempts == 3);
  CHECK(listed_ids(path, {.errors = true}) == Ids{"A2"});
  CHECK(listed_ids(path, {.access_key = "AKIAONE"}) == Ids{"A1"});
  CHECK(listed_ids(path, {.access_key = "ci", .aliased_keys = {"AKIATWO", "AKIAONE"}}) == Ids{"A1"});
  CHECK(listed_ids(path, {.until = at_second(3)}) == Ids{"A1"});
  CHECK(listed_ids(path, {.text = "needle"}) == Ids{"A2"});
  CHECK(listed_ids(path, {.text = "inv-a"}) == Ids{"A3"});
  CHECK(listed_ids(path, {.model = "haiku", .text = "needle", .until = at_second(3)}) == Ids{"A1"});
}

TEST_CASE("pages of invocations neither repeat nor leave out, wherever their attempts lie", "[attempts]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  std::vector<calls::CallRecord> batch;
  Ids wanted;
  // Invocation i begins at second i; every third needs three attempts, ten and twenty seconds later: across each other.
  for (int i = 0; i < 300; ++i) {
    const bool several = i % 3 == 0;
    for (int n = 1; n <= (several ? 3 : 1); ++n) {
      batch.push_back(attempt(fmt::format("{:04}-{}", i, n), i + (n - 1) * 10, fmt::format("inv-{}", i), n,
                              n == 3 || !several ? 200 : 429));
    }
  }
  // In the order of their ends, as a proxy writes them.
  std::stable_sort(batch.begin(), batch.end(),
                   [](const auto& a, const auto& b) { return a.started_at < b.started_at; });
  for (const auto& one : batch) {
    if (one.response.status == 200) wanted.insert(wanted.begin(), one.id);
  }
  write(path, batch);
  for (const std::size_t size : {1, 7, 64, 299, 1000}) {
    CAPTURE(size);
    Ids all;
    for (CallFilter page{.limit = size};;) {
      const Ids some = listed_ids(path, page);
      if (some.empty()) break;
      all.insert(all.end(), some.begin(), some.end());
      page.before = some.back();
    }
    CHECK(all == wanted);
  }
}

TEST_CASE("a first attempt that went well is found once there is a second", "[attempts]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  write(path, {attempt("A1", 1, "inv-a", 1, 200), attempt("B1", 2, "inv-b", 1, 200)});
  CHECK(count(path, "attempts") == 0);  // most calls are such: they cost no entry
  write(path, {attempt("A2", 3, "inv-a", 2, 200)});
  CHECK(count(path, "attempts") == 2);
  CHECK(listed_ids(path) == Ids{"A2", "B1"});
  CHECK(listed(path, {})[0].attempts == 2);
}

TEST_CASE("calls that share an id and a number are not attempts of each other", "[attempts]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  write(path, {attempt("A", 1, "same", 1, 429), attempt("B", 2, "same", 1, 429), attempt("C", 3, "same", 1, 200)});
  CHECK(listed_ids(path) == Ids{"C", "B", "A"});
  CHECK(listed_ids(path, {.text = "same"}) == Ids{"C", "B", "A"});
  CHECK(listed(path, {})[1].attempts == 1);
  CHECK(listed(path, {})[1].attempts_ms == 250.0);
  auto unnumbered = attempt("D", 4, "bare", 1, 429);
  unnumbered.aws.attempt.reset();
  auto last = unnumbered;
  last.id = "E";
  last.started_at = at_second(5);
  write(path, {unnumbered, last});
  CHECK(listed_ids(path, {.limit = 2}) == Ids{"E", "C"});
  CHECK(listed(path, {})[0].attempts == 2);
}

TEST_CASE("what is taken away leaves no attempt behind", "[attempts]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  write(path,
        {attempt("A1", 1, "inv-a", 1, 429), attempt("A2", 3, "inv-a", 2, 429), attempt("B1", 4, "inv-b", 1, 500)});
  auto pruner = CallPruner::open(path);
  REQUIRE(pruner.has_value());
  REQUIRE((*pruner)->prune({.until = at_second(4)}, [] { return true; })->calls == 2);
  CHECK(listed_ids(path) == Ids{"B1"});
  CHECK(count(path, "attempts") == 1);
  CHECK(count(path, "call_origins") == 1);
}

TEST_CASE("retries are counted once an invocation, and throttles have a rate", "[attempts]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto gave_up = attempt("B2", 5, "inv-b", 2, 429);
  gave_up.aws.model_id = "amazon.nova-lite-v1:0";
  auto before = attempt("B1", 4, "inv-b", 1, 429);
  before.aws.model_id = gave_up.aws.model_id;
  write(path, {attempt("A1", 1, "inv-a", 1, 429), attempt("A2", 2, "inv-a", 2, 429), attempt("A3", 3, "inv-a", 3, 200),
               before, gave_up, attempt("C1", 6, "inv-c", 1, 200), record("D", 7)});
  const auto from = CallStoreReader::open(path);
  REQUIRE(from.has_value());
  const auto made = (*from)->statistics({}, GroupBy::model);
  REQUIRE(made.has_value());
  REQUIRE(made->groups.size() == 2);
  CHECK(made->groups[0].throttle_rate() == 0.4);
  CHECK(made->groups[0].retried == 1);
  CHECK(made->groups[0].gave_up == 0);
  CHECK(made->groups[1].throttle_rate() == 1.0);
  CHECK(made->groups[1].retried == 1);
  CHECK(made->groups[1].gave_up == 1);
  CHECK(made->total.retried == 2);
  CHECK(made->total.gave_up == 1);
  const auto throttled = (*from)->statistics({.status = 429}, GroupBy::model);  // of each, the last that fits
  REQUIRE(throttled.has_value());
  CHECK(throttled->total.retried == 2);
  CHECK(throttled->total.gave_up == 2);
}

TEST_CASE("a store from before there were attempts is brought up to date without being read", "[attempts]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  {
    auto database = Database::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    REQUIRE(database.has_value());
    REQUIRE(migrate(*database, migrations().first(4)).has_value());
    REQUIRE(database
                ->execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
                          "INSERT INTO calls (seq, id, started_us, way_in, outcome, status, model_id, access_key_id, "
                          "request_bytes, response_bytes, record) SELECT i, printf('%026d', i), i, 'connect', "
                          "'complete', 200, 'm', 'AKIAOLD', 0, 0, zeroblob(100) FROM n")
                .has_value());
  }
  CHECK(listed(path, {.limit = 2}).size() == 2);  // as it is
  {
    auto from = CallStoreReader::open(path);
    REQUIRE(from.has_value());
    CHECK((*from)->attempts_of("inv-a", 10)->empty());
    const auto made = (*from)->statistics({}, GroupBy::process);
    REQUIRE(made.has_value());
    CHECK(made->total.calls == 20000);
    CHECK(made->total.retried == 0);
  }
  // The pages that the step reads from the file, of some hundreds.
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  REQUIRE(sqlite3_exec(handle, std::string(migrations()[4]).c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  int read = 0, highest = 0;
  REQUIRE(sqlite3_db_status(handle, SQLITE_DBSTATUS_CACHE_MISS, &read, &highest, 0) == SQLITE_OK);
  sqlite3_exec(handle, "PRAGMA user_version=5", nullptr, nullptr, nullptr);
  sqlite3_close(handle);
  CHECK(read < 50);

  write(path, {attempt("A1", 1, "inv-a", 1, 429), attempt("A2", 2, "inv-a", 2, 200)});
  const auto calls = listed(path, {.limit = 3});
  REQUIRE(calls.size() == 3);
  CHECK(calls[0].id == "A2");
  CHECK(calls[0].attempts == 2);
  const CallSummary& old = calls[1];
  CHECK(old.id == fmt::format("{:026}", 20000));
  CHECK(old.access_key_id == "AKIAOLD");
  CHECK((old.invocation_id + old.process_name + old.app_id + old.framework + old.session_name).empty());
  CHECK_FALSE((old.attempt || old.process_pid || old.first_token_ms));
}

TEST_CASE("who called is in the summary and groups the statistics", "[attempts]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  calls::CallRecord one = attempt("A", 1, "inv-a", 1, 200);
  one.client.process_pid = 4711;
  one.client.process_name = "python3";
  one.client.app_id = "billing";
  one.client.framework = "langchain-aws";
  one.aws.session_name = "ci-run";
  one.aws.api_key_name = "BedrockAPIKey-ab12-at-123456789012";
  one.aws.region = "eu-west-1";
  one.session_id = "build-7";
  one.timing_ms.first_token = 12.5;
  write(path, {one, record("B", 2)});
  const auto call = listed(path, {})[1];
  CHECK(call.process_pid == 4711);
  CHECK(call.process_name == "python3");
  CHECK(call.app_id == "billing");
  CHECK(call.framework == "langchain-aws");
  CHECK(call.session_name == "ci-run");
  CHECK(call.access_key_id == "BedrockAPIKey-ab12-at-123456789012");
  CHECK(call.invocation_id == "inv-a");
  CHECK(call.first_token_ms == 12.5);
  CHECK(listed_ids(path, {.access_key = "BedrockAPIKey-ab12-at-123456789012"}) == Ids{"A"});
  const auto from = CallStoreReader::open(path);
  REQUIRE(from.has_value());
  const auto key_of_first = [&](GroupBy by) {
    const auto made = (*from)->statistics({.session = "build-7"}, by);
    REQUIRE(made.has_value());
    REQUIRE(made->groups.size() == 1);
    CHECK(made->groups[0].first_token_ms.p99 == 12.5);
    return made->groups[0].key;
  };
  CHECK(key_of_first(GroupBy::process) == "python3[4711]");
  CHECK(key_of_first(GroupBy::app) == "billing");
  CHECK(key_of_first(GroupBy::framework) == "langchain-aws");
  CHECK(key_of_first(GroupBy::session) == "build-7");
  CHECK(key_of_first(GroupBy::region) == "eu-west-1");
  CHECK(key_of_first(GroupBy::key) == "BedrockAPIKey-ab12-at-123456789012");
  CHECK((*from)->statistics({}, GroupBy::process)->groups.size() == 2);  // and one that is not known
}

}  // namespace borehole::store
