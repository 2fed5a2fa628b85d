// Lists, pages, exports and those who follow: what the reader gives of a store that others write.
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "calls/record_json.h"
#include "catch.h"
#include "store/call_store.h"
#include "store/record_blob.h"
#include "store/schema.h"
#include "unit/store/scratch.h"

namespace borehole::store {

namespace {

using Ids = std::vector<std::string>;

std::unique_ptr<CallStoreWriter> writer(const std::string& path) {
  auto opened = CallStoreWriter::open(path);
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

std::unique_ptr<CallStoreReader> reader(const std::string& path) {
  auto opened = CallStoreReader::open(path);
  INFO((opened ? std::string() : opened.error().detail));
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

Ids listed(const CallStoreReader& from, const CallFilter& filter) {
  const auto calls = from.list(filter);
  INFO((calls ? std::string() : calls.error().detail));
  REQUIRE(calls.has_value());
  Ids out;
  for (const auto& call : *calls) out.push_back(call.id);
  return out;
}

std::string number(int n) { return fmt::format("{:06}", n); }

// `count` calls, ids by number, one a second.
void fill(CallStoreWriter& to, int count) {
  std::vector<calls::CallRecord> batch;
  for (int i = 0; i < count; ++i) batch.push_back(record(number(i), i));
  REQUIRE(to.write(batch).has_value());
}

void sql(const std::string& path, const std::string& text) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  REQUIRE(sqlite3_exec(handle, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(handle);
}

}  // namespace

TEST_CASE("statuses are chosen one by one, by class, or as errors", "[call_reading]") {
  CallFilter filter;
  REQUIRE(choose_status(filter, "429"));
  CHECK((filter.status->first == 429 && filter.status->last == 429));
  REQUIRE(choose_status(filter, "5XX"));
  CHECK((filter.status->first == 500 && filter.status->last == 599));
  CHECK_FALSE(filter.errors);
  REQUIRE(choose_status(filter, "error"));
  CHECK(filter.errors);
  for (const char* wrong : {"", "4", "42", "4x", "4xy", "x99", "4290", "-29", "0xx", "4 9"}) {
    CAPTURE(wrong);
    CHECK_FALSE(choose_status(filter, wrong));
  }
}

TEST_CASE("every filter chooses, alone and with others", "[call_reading]") {
  const Scratch scratch;
  auto to = writer(scratch.path("calls.db"));
  calls::CallRecord a = record("A", 1), b = record("B", 2), c = record("C", 3), d = record("D", 4);
  a.client.sdk = "boto3";
  a.session_id = "build-7";
  a.aws.region = "us-east-1";
  b.way_in = calls::WayIn::gateway;
  b.client.sdk = "aws-sdk-js";
  b.upstream.host = "bedrock-runtime.eu-west-1.amazonaws.com";
  b.aws.region = "eu-west-1";
  c.response.status = 429;
  c.response.error_type = "ThrottlingException";
  d.response.status.reset();
  d.outcome = calls::Outcome::refused;
  d.usage.cache_read_tokens = 3;
  d.cost_usd = "0.25";
  REQUIRE(to->write({a, b, c, d}).has_value());
  const auto from = reader(scratch.path("calls.db"));

  CHECK(listed(*from, {.way_in = "Gateway"}) == Ids{"B"});
  CHECK(listed(*from, {.region = "EU-west-1"}) == Ids{"B"});
  CHECK(listed(*from, {.sdk = "JS"}) == Ids{"B"});
  CHECK(listed(*from, {.host = "eu-west"}) == Ids{"B"});
  CHECK(listed(*from, {.session = "build-7"}) == Ids{"A"});
  CHECK(listed(*from, {.session = "build"}).empty());
  CHECK(listed(*from, {.status = StatusRange(400, 499)}) == Ids{"C"});
  CHECK(listed(*from, {.errors = true}) == Ids{"D", "C"});
  CHECK(listed(*from, {.outcome = "refused", .errors = true}) == Ids{"D"});
  CHECK(listed(*from, {.model = "haiku", .sdk = "boto"}) == Ids{"A"});

  const auto calls = from->list({});
  REQUIRE(calls.has_value());
  CHECK(calls->at(0).cache_read_tokens == 3U);
  CHECK(calls->at(0).cost_usd == "0.25");
  CHECK(calls->at(1).error_type == "ThrottlingException");
  CHECK(calls->at(3).sdk == "boto3");
  CHECK(calls->at(3).session_id == "build-7");
  CHECK(calls->at(3).region == "us-east-1");
  CHECK(calls->at(3).started == at_second(1));
}

TEST_CASE("pages follow each other without gap or repetition, also among calls of one moment", "[call_reading]") {
  const Scratch scratch;
  auto to = writer(scratch.path("calls.db"));
  std::vector<calls::CallRecord> batch;
  for (int i = 0; i < 1000; ++i) batch.push_back(record(number(i), i / 100));
  REQUIRE(to->write(batch).has_value());
  const auto from = reader(scratch.path("calls.db"));
  Ids all;
  CallFilter page{.limit = 7};
  for (;;) {
    const Ids ids = listed(*from, page);
    if (ids.empty()) break;
    all.insert(all.end(), ids.begin(), ids.end());
    page.before = ids.back();
  }
  CHECK(all == listed(*from, {.limit = 5000}));
  REQUIRE(all.size() == 1000);
  CHECK(all.front() == number(999));
  CHECK(all.back() == number(0));

  const auto gone = from->list({.before = "nobody"});
  REQUIRE_FALSE(gone.has_value());
  CHECK(gone.error().code == ErrorCode::not_found);
}

TEST_CASE("a limit of texts counts calls that hold them, over many pages", "[call_reading]") {
  const Scratch scratch;
  auto to = writer(scratch.path("calls.db"));
  std::vector<calls::CallRecord> batch;
  for (int i = 0; i < 900; ++i) {
    batch.push_back(record(number(i), i));
    if (i % 400 == 0) batch.back().request.body = "needle";
    batch.back().request.body_bytes = batch.back().request.body.size();
  }
  REQUIRE(to->write(batch).has_value());
  const auto from = reader(scratch.path("calls.db"));
  CHECK(listed(*from, {.text = "NEEDLE", .limit = 2}) == Ids{number(800), number(400)});
  CHECK(listed(*from, {.text = "needle"}) == Ids{number(800), number(400), number(0)});
}

TEST_CASE("a long reading gives every call once, in both orders, and none that is written meanwhile",
          "[call_reading]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  fill(*to, 700);
  const auto from = reader(path);
  const auto order = GENERATE(CallOrder::oldest_first, CallOrder::newest_first);
  Ids ids;
  const auto done = from->each({.limit = SIZE_MAX}, order, [&](ReadCall call) {
    if (ids.empty()) REQUIRE(to->write({record("later", 5000)}).has_value());  // nothing is locked while it is taken
    ids.push_back(call.summary.id);
    CHECK(call.record.has_value());
    return true;
  });
  REQUIRE(done.has_value());
  REQUIRE(ids.size() == 700);
  if (order == CallOrder::newest_first) std::reverse(ids.begin(), ids.end());
  for (int i = 0; i < 700; ++i) CHECK(ids.at(static_cast<std::size_t>(i)) == number(i));

  std::size_t taken = 0;
  REQUIRE(from->each({.limit = SIZE_MAX}, order, [&](const ReadCall&) { return ++taken < 3; }).has_value());
  CHECK(taken == 3);
  taken = 0;
  REQUIRE(from->each({.limit = 4}, order, [&](const ReadCall&) { return ++taken > 0; }).has_value());
  CHECK(taken == 4);
}

TEST_CASE("a damaged record is one error, not the end of the reading", "[call_reading]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  fill(*to, 3);
  sql(path, "UPDATE calls SET record = x'00ff' WHERE id = '000001'");
  const auto from = reader(path);
  std::vector<bool> good;
  const auto text = GENERATE(std::optional<std::string>(), std::optional<std::string>("converse"));
  REQUIRE(from->each({.text = text, .limit = SIZE_MAX}, CallOrder::oldest_first,
                     [&](const ReadCall& call) {
                       good.push_back(call.record.has_value());
                       return true;
                     })
              .has_value());
  CHECK(good == std::vector<bool>{true, false, true});
  CHECK(listed(*from, {}).size() == 3);
  CHECK_FALSE(from->find_json("000001").has_value());
}

TEST_CASE("counting is offered where an index answers", "[call_reading]") {
  const Scratch scratch;
  auto to = writer(scratch.path("calls.db"));
  fill(*to, 20);
  const auto from = reader(scratch.path("calls.db"));
  CHECK(*from->cheap_count({.limit = 3}) == std::optional<std::uint64_t>(20));
  CHECK(*from->cheap_count({.since = at_second(15)}) == std::optional<std::uint64_t>(5));
  CHECK(*from->cheap_count({.access_key = "none"}) == std::optional<std::uint64_t>(0));
  CHECK(*from->cheap_count({.model = "haiku"}) == std::optional<std::uint64_t>());
  CHECK(*from->cheap_count({.text = "haiku"}) == std::optional<std::uint64_t>());
  CHECK(*from->cheap_count({.errors = true}) == std::optional<std::uint64_t>());
}

TEST_CASE("those who follow see a new version, and what was written", "[call_reading]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  const auto from = reader(path);
  CHECK(from->newest()->seq == 0);
  const auto before = from->version();
  CHECK(*from->version() == *before);
  fill(*to, 5);
  CHECK(*from->version() != *before);
  const auto newest = from->newest();
  REQUIRE(newest.has_value());
  CHECK(newest->id == number(4));
  CHECK(*from->holds(newest->seq, newest->id));
  CHECK_FALSE(*from->holds(newest->seq, "other"));
  const auto written = from->written_after(newest->seq - 2, {.limit = SIZE_MAX});
  REQUIRE(written.has_value());
  REQUIRE(written->size() == 2);
  CHECK(written->at(0).summary.id == number(3));
  CHECK(written->at(1).record.value() == calls::to_json(record(number(4), 4)));
  CHECK(from->written_after(0, {.status = 500, .limit = SIZE_MAX})->empty());
  CHECK(from->written_after(0, {.limit = 2})->size() == 2);
}

TEST_CASE("a store of an older borehole is read as it is", "[call_reading]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  const std::string json = calls::to_json(record("OLD", 1));
  {
    auto database = Database::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    REQUIRE(database.has_value());
    REQUIRE(migrate(*database, migrations().first(1)).has_value());
    RecordPacker packer;
    auto insert = database->prepare(
        "INSERT INTO calls (id, started_us, way_in, outcome, request_bytes, response_bytes, record) "
        "VALUES ('OLD', 1, 'connect', 'complete', 0, 0, ?)");
    REQUIRE(insert.has_value());
    insert->bind_blob(1, packer.pack(json).value());
    CHECK(insert->step() == Statement::Row::done);
  }
  {
    const auto from = reader(path);
    CHECK(listed(*from, {}) == Ids{"OLD"});
    CHECK(listed(*from, {.sdk = "boto3"}).empty());
    CHECK(listed(*from, {.session = "s"}).empty());
    CHECK(from->find_json("OLD").value() == json);
    CHECK(from->statistics({}, GroupBy::sdk)->total.calls == 1);
  }
  auto to = writer(path);
  REQUIRE(to->write({record("NEW", 2)}).has_value());
  CHECK(listed(*reader(path), {}) == Ids{"NEW", "OLD"});
}

}  // namespace borehole::store
