#include "store/call_store.h"

#include <sqlite3.h>

#include <limits>
#include <random>

#include "calls/record_json.h"
#include "catch.h"
#include "store/private_file.h"
#include "store/record_blob.h"
#include "store/record_place.h"
#include "store/schema.h"
#include "unit/store/scratch.h"

namespace borehole::store {

namespace {

std::unique_ptr<CallStoreWriter> writer(const std::string& path) {
  auto opened = CallStoreWriter::open(path);
  INFO((opened ? std::string() : opened.error().detail));
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

std::unique_ptr<CallStoreReader> reader(const std::string& path) {
  auto opened = CallStoreReader::open(path);
  INFO((opened ? std::string() : opened.error().detail));
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

void write(CallStoreWriter& to, const std::vector<calls::CallRecord>& batch) {
  const auto done = to.write(batch);
  INFO((done ? std::string() : done.error().detail));
  REQUIRE(done.has_value());
}

std::string refusal(const std::string& path) {
  auto opened = CallStoreWriter::open(path);
  REQUIRE_FALSE(opened.has_value());
  CHECK((opened.error().code == ErrorCode::store_failed || opened.error().code == ErrorCode::io_failed));
  return opened.error().detail;
}

std::vector<std::string> ids(const CallStoreReader& from, const CallFilter& filter) {
  const auto listed = from.list(filter);
  REQUIRE(listed.has_value());
  std::vector<std::string> out;
  for (const CallSummary& call : *listed) out.push_back(call.id);
  return out;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// SQL of the test's own, beside the program's.
void sql(const std::string& path, const std::string& text) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  char* message = nullptr;
  sqlite3_exec(handle, text.c_str(), nullptr, nullptr, &message);
  INFO((message == nullptr ? "" : message));
  REQUIRE(message == nullptr);
  sqlite3_close(handle);
}

}  // namespace

TEST_CASE("records come back as they were, also unicode and binary ones", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  calls::CallRecord call = record("01AAAAAAAAAAAAAAAAAAAAAAAA");
  call.request.body = "{\"text\":\"gr\xC3\xBC\xC3\x9F dich \xF0\x9F\x98\x80 \\u0000\"}";
  call.request.body_bytes = call.request.body.size();
  call.response.body = std::string("\x00\xff\x1f\x8b", 4);
  call.response.body_bytes = 4;
  call.usage.input_tokens = 18'446'744;
  call.timing_ms.total = 12.5;
  call.error = Error{ErrorCode::upstream_broke, Fault::upstream, "broke"};
  call.outcome = calls::Outcome::upstream_failed;
  write(*to, {call});

  auto from = reader(path);
  const auto json = from->find_json(call.id);
  REQUIRE(json.has_value());
  CHECK(*json == calls::to_json(call));
  const auto listed = from->list({});
  REQUIRE(listed.has_value());
  REQUIRE(listed->size() == 1);
  const CallSummary& line = listed->front();
  CHECK(line.started_at == "2026-01-02T03:04:05.000000Z");
  CHECK(line.way_in == "connect");
  CHECK(line.outcome == "upstream_failed");
  CHECK(line.operation == "Converse");
  CHECK(line.model_id == call.aws.model_id);
  CHECK(line.upstream_host == call.upstream.host);
  CHECK(line.method == "POST");
  CHECK(line.target == "/model/m/converse");
  CHECK(line.error_code == "upstream_broke");
  CHECK(line.status == 200);
  CHECK(line.input_tokens == 18'446'744U);
  CHECK_FALSE(line.output_tokens.has_value());
  CHECK(line.total_ms == 12.5);
  CHECK(line.request_bytes == call.request.body_bytes);
  CHECK(line.response_bytes == 4);
}

TEST_CASE("a reader sees what is written while it is open, and after the writer is gone", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  auto from = reader(path);
  CHECK(ids(*from, {}).empty());
  write(*to, {record("A", 1), record("B", 2)});
  CHECK(ids(*from, {}) == std::vector<std::string>{"B", "A"});
  to.reset();
  CHECK(ids(*from, {}) == std::vector<std::string>{"B", "A"});
  from.reset();
  CHECK(ids(*reader(path), {}) == std::vector<std::string>{"B", "A"});
}

TEST_CASE("filters choose calls", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  calls::CallRecord a = record("A", 1), b = record("B", 2), c = record("C", 3);
  a.aws.access_key_id = "AKIAONE";
  a.request.body = R"({"text":"She said \"hello\" to \u00e4"})";
  a.request.body_bytes = a.request.body.size();
  b.aws.operation = "InvokeModel";
  b.aws.model_id = "amazon.nova-lite-v1:0";
  b.response.headers = {{"X-Seen", R"(a "quoted" word)"}};
  c.response.status = 429;
  c.outcome = calls::Outcome::client_aborted;
  write(*to, {a, b, c});
  auto from = reader(path);
  using Ids = std::vector<std::string>;

  CHECK(ids(*from, {}) == Ids{"C", "B", "A"});
  CHECK(ids(*from, {.limit = 2}) == Ids{"C", "B"});
  CHECK(ids(*from, {.limit = 0}).empty());
  CHECK(ids(*from, {.model = "Haiku"}) == Ids{"C", "A"});
  CHECK(ids(*from, {.operation = "invokemodel"}) == Ids{"B"});
  CHECK(ids(*from, {.outcome = "client_aborted"}) == Ids{"C"});
  CHECK(ids(*from, {.access_key = "akiaone"}) == Ids{"A"});
  CHECK(ids(*from, {.status = 429}) == Ids{"C"});
  CHECK(ids(*from, {.since = at_second(2)}) == Ids{"C", "B"});
  CHECK(ids(*from, {.until = at_second(2)}) == Ids{"A"});
  CHECK(ids(*from, {.text = "\"HELLO\""}) == Ids{"A"});
  CHECK(ids(*from, {.text = "\"HELL\""}).empty());
  CHECK(ids(*from, {.text = "She said \\\"hello"}) == Ids{"A"});
  CHECK(ids(*from, {.text = "\"text\":\"she"}) == Ids{"A"});
  CHECK(ids(*from, {.text = "a \"quoted\" word"}) == Ids{"B"});
  CHECK(ids(*from, {.text = "converse", .limit = 1}) == Ids{"C"});
  CHECK(ids(*from, {.model = "' OR 1=1 --"}).empty());
  const auto whole = from->list_json({.status = 429});
  REQUIRE(whole.has_value());
  CHECK(*whole == std::vector<std::string>{calls::to_json(c)});
}

TEST_CASE("a call is found by its id or a unique prefix", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  write(*to, {record("01ABC"), record("01ABCD"), record("01AX")});
  auto from = reader(path);
  CHECK(from->find_json("01ABC").has_value());  // a whole id, though another one begins with it
  CHECK(from->find_json("01ABCD").has_value());
  CHECK(from->find_json("01ax").has_value());
  const auto ambiguous = from->find_json("01A");
  REQUIRE_FALSE(ambiguous.has_value());
  CHECK(ambiguous.error().code == ErrorCode::not_found);
  CHECK(has(ambiguous.error().detail, "more than one"));
  const auto none = from->find_json("02");
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().code == ErrorCode::not_found);
  CHECK_FALSE(from->find_json("").has_value());
  CHECK_FALSE(from->find_json("%").has_value());
}

TEST_CASE("only the owner can read the files, from before they have content", "[call_store]") {
  Scratch scratch;
  const mode_t before = umask(0);
  const std::string path = scratch.path("new/data/calls.db");
  auto to = writer(path);
  write(*to, {record("A")});
  umask(before);
  CHECK(mode(scratch.path("new")) == 0700U);
  CHECK(mode(scratch.path("new/data")) == 0700U);
  CHECK(mode(path) == 0600U);
  CHECK(mode(path + "-wal") == 0600U);
  CHECK(mode(path + "-shm") == 0600U);
  to.reset();
  REQUIRE(chmod(path.c_str(), 0644) == 0);
  to = writer(path);
  CHECK(mode(path) == 0600U);
}

TEST_CASE("a file that is no database is refused and stays as it was", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("notes.txt");
  std::string before;
  SECTION("short") { before = "my notes\n"; }
  SECTION("long") { before.assign(10'000, 'n'); }
  SECTION("a database's first line, then garbage") {
    before = std::string("SQLite format 3\0", 16) + std::string(8000, 'g');
  }
  std::ofstream(path, std::ios::binary) << before;
  const std::string said = refusal(path);
  INFO(said);
  CHECK(has(said, path));
  CHECK(has(said, "record.store"));
  CHECK(contents(path) == before);
  CHECK_FALSE(std::filesystem::exists(path + "-wal"));
}

TEST_CASE("another program's database is refused and stays as it was", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("other.db");
  sql(path, "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
  const std::string before = contents(path);
  CHECK(has(refusal(path), "another program's"));
  CHECK(contents(path) == before);
}

TEST_CASE("a newer store is refused, by writer and reader", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  writer(path).reset();
  sql(path, "PRAGMA user_version=99");
  CHECK(has(refusal(path), "newer"));
  const auto opened = CallStoreReader::open(path);
  REQUIRE_FALSE(opened.has_value());
  CHECK(has(opened.error().detail, "newer"));
}

TEST_CASE("a folder in the store's place and a missing store are told in words", "[call_store]") {
  Scratch scratch;
  std::filesystem::create_directory(scratch.path("folder"));
  CHECK(has(refusal(scratch.path("folder")), "no file"));
  const auto opened = CallStoreReader::open(scratch.path("none.db"));
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == ErrorCode::not_found);
  CHECK_FALSE(std::filesystem::exists(scratch.path("none.db")));
}

TEST_CASE("an older store is brought up to date with what is in it", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  SECTION("stopped after the file was made") {
    sql(path, "PRAGMA application_id=" + std::to_string(application_id));
    auto to = writer(path);
    write(*to, {record("A")});
    CHECK(ids(*reader(path), {}) == std::vector<std::string>{"A"});
  }
  SECTION("by one step more than today's") {
    auto to = writer(path);
    write(*to, {record("A")});
    to.reset();
    auto database = Database::open(path, SQLITE_OPEN_READWRITE);
    REQUIRE(database.has_value());
    std::vector<std::string_view> steps(migrations().begin(), migrations().end());
    steps.emplace_back("ALTER TABLE calls ADD COLUMN session TEXT");
    REQUIRE(migrate(*database, steps).has_value());
    CHECK(*database->integer("PRAGMA user_version") == static_cast<std::int64_t>(steps.size()));
    CHECK(*database->integer("SELECT count(*) FROM calls WHERE session IS NULL") == 1);
    REQUIRE(migrate(*database, steps).has_value());  // nothing left to do
  }
  SECTION("a step that fails leaves the older one") {
    writer(path).reset();
    auto database = Database::open(path, SQLITE_OPEN_READWRITE);
    REQUIRE(database.has_value());
    std::vector<std::string_view> steps(migrations().begin(), migrations().end());
    steps.emplace_back("CREATE TABLE half (a); SELECT nonsense FROM nowhere");
    CHECK_FALSE(migrate(*database, steps).has_value());
    CHECK(*database->integer("PRAGMA user_version") == static_cast<std::int64_t>(steps.size()) - 1);
    CHECK(*database->integer("SELECT count(*) FROM sqlite_schema WHERE name = 'half'") == 0);
    REQUIRE(migrate(*database, migrations()).has_value());
  }
}

TEST_CASE("records of a store that has no blocks yet stay readable, beside new ones", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  {
    auto database = Database::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    REQUIRE(database.has_value());
    REQUIRE(migrate(*database, migrations().first(1)).has_value());
    auto insert = database->prepare(
        "INSERT INTO calls (id, started_us, way_in, outcome, request_bytes, response_bytes, record) "
        "VALUES ('OLD', ?, 'connect', 'complete', 0, 0, ?)");
    REQUIRE(insert.has_value());
    RecordPacker packer;
    insert->bind(1, at_second(0).time_since_epoch().count());
    insert->bind_blob(2, *packer.pack(calls::to_json(record("OLD", 0))));
    REQUIRE(insert->step() == Statement::Row::done);
  }
  auto to = writer(path);
  write(*to, {record("NEW1", 1), record("NEW2", 2)});
  auto from = reader(path);
  CHECK(*from->list_json({}) == std::vector<std::string>{calls::to_json(record("NEW2", 2)),
                                                         calls::to_json(record("NEW1", 1)),
                                                         calls::to_json(record("OLD", 0))});
  CHECK(*from->find_json("OLD") == calls::to_json(record("OLD", 0)));
  CHECK(*to->prune({.days = 1}, at_second(1) + std::chrono::hours(24)) == 1);
  CHECK(ids(*from, {}) == std::vector<std::string>{"NEW2", "NEW1"});
}

TEST_CASE("records are compressed together, and each comes back as it was", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  std::vector<calls::CallRecord> batch;
  std::vector<std::string> wanted;
  for (int i = 0; i < 200; ++i) {
    batch.push_back(record("CALL" + std::to_string(1000 + i), i));
    // The largest fills a block by itself, and does not fit into what the reader keeps.
    batch.back().request.body =
        std::string(i == 77 ? 6'000'000 : static_cast<std::size_t>(i) * 50, 'b') + std::to_string(i);
    batch.back().request.body_bytes = batch.back().request.body.size();
  }
  write(*to, batch);
  for (auto call = batch.rbegin(); call != batch.rend(); ++call) wanted.push_back(calls::to_json(*call));
  auto from = reader(path);
  const auto all = from->list_json({.limit = 1000});
  REQUIRE(all.has_value());
  CHECK(*all == wanted);
  for (const int i : {0, 1, 76, 77, 78, 150, 199}) {
    CHECK(*from->find_json("CALL" + std::to_string(1000 + i)) == wanted[static_cast<std::size_t>(199 - i)]);
  }
  auto database = Database::open(path, SQLITE_OPEN_READONLY);
  REQUIRE(database.has_value());
  const auto blocks = database->integer("SELECT count(*) FROM record_blocks");
  CHECK(*blocks > 1);
  CHECK(*blocks < 30);
  CHECK(*database->integer("SELECT sum(length(records)) FROM record_blocks") < 60'000);
}

TEST_CASE("a block goes with the last of its calls, and its id never comes back", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  auto from = reader(path);
  const auto blocks = [&] {
    auto database = Database::open(path, SQLITE_OPEN_READONLY);
    REQUIRE(database.has_value());
    return *database->integer("SELECT count(*) FROM record_blocks");
  };
  const auto prune_before = [&](long long second) {
    return *to->prune({.days = 1}, at_second(second) + std::chrono::hours(24));
  };
  // Long calls are written late: the last row of the first block is the oldest call.
  write(*to, {record("B", 20), record("C", 30), record("A", 10)});
  CHECK(prune_before(15) == 1);
  CHECK(blocks() == 1);
  write(*to, {record("D", 40)});
  CHECK(blocks() == 2);
  CHECK(prune_before(35) == 2);
  CHECK(blocks() == 1);
  CHECK(*from->find_json("D") == calls::to_json(record("D", 40)));
  CHECK(prune_before(45) == 1);
  CHECK(blocks() == 0);
  write(*to, {record("E", 50)});  // by a reader that has kept the blocks before
  CHECK(*from->find_json("E") == calls::to_json(record("E", 50)));
}

TEST_CASE("a damaged record is told, and hurts no other", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  write(*to, {record("A"), record("B")});
  write(*to, {record("C")});
  SECTION("no such block") { sql(path, "DELETE FROM record_blocks WHERE block = 1"); }
  SECTION("a block that is none") { sql(path, "UPDATE record_blocks SET records = x'00' WHERE block = 1"); }
  SECTION("a place beyond the block's end") { sql(path, "UPDATE calls SET record = x'0101FFFF0301' WHERE id < 'C'"); }
  SECTION("a place that is cut off") { sql(path, "UPDATE calls SET record = x'0101' WHERE id < 'C'"); }
  SECTION("a size beyond the block's end") { sql(path, "UPDATE calls SET record = x'010100FFFF03' WHERE id < 'C'"); }
  auto from = reader(path);
  for (const char* id : {"A", "B"}) {
    const auto got = from->find_json(id);
    REQUIRE_FALSE(got.has_value());
    CHECK(has(got.error().detail, "damaged"));
  }
  CHECK(from->find_json("C").has_value());
}

TEST_CASE("a record's place comes back as it was written", "[call_store]") {
  std::string written;
  for (const RecordPlace& place :
       {RecordPlace{1, 0, 0}, RecordPlace{127, 128, 16'383}, RecordPlace{1'000'000'000'000, 131'071, 1U << 30U},
        RecordPlace{std::numeric_limits<std::int64_t>::max(), 1, 2}}) {
    encode(written, place);
    CHECK(decode_place(written) == place);
    CHECK(written.size() <= 32);
    for (std::size_t cut = 0; cut < written.size(); ++cut) CHECK_FALSE(decode_place(written.substr(0, cut)));
    CHECK_FALSE(decode_place(written + '\0'));
  }
  RecordPacker packer;
  CHECK_FALSE(decode_place(*packer.pack("{}")));
  CHECK_FALSE(decode_place("\x01" + std::string(30, '\xff')));
}

TEST_CASE("a batch is written whole or not at all", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  write(*to, {record("A")});
  CHECK_FALSE(to->write({record("B"), record("A")}).has_value());  // ids are unique
  CHECK(ids(*reader(path), {}) == std::vector<std::string>{"A"});
  write(*to, {record("C")});
  CHECK(ids(*reader(path), {}).size() == 2);
}

TEST_CASE("pruning takes old calls away, then the oldest that do not fit", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  std::vector<calls::CallRecord> batch;
  const auto kept = at_second(0);
  std::mt19937_64 random(1);
  const auto noise = [&random] {  // does not compress
    std::string out;
    for (int i = 0; i < 12'800; ++i) out += static_cast<char>('0' + random() % 64);
    return out;
  };
  for (int i = 0; i < 600; ++i) {
    batch.push_back(record("OLD" + std::to_string(i), i - 100'000));
    batch.push_back(record("NEW" + std::to_string(i), i));
    batch.back().request.body = noise();
  }
  write(*to, batch);
  auto from = reader(path);

  auto taken = to->prune({.days = 1}, kept + std::chrono::seconds(1));
  REQUIRE(taken.has_value());
  CHECK(*taken == 600);
  CHECK(ids(*from, {.limit = 10'000}).size() == 600);

  CHECK(*to->prune({.days = 1}, kept) == 0);
  CHECK(*to->prune({}, kept + std::chrono::hours(1'000'000)) == 0);

  constexpr std::uint64_t most = 1024 * 1024;
  taken = to->prune({.max_bytes = most}, kept);
  REQUIRE(taken.has_value());
  const auto left = ids(*from, {.limit = 10'000});
  CHECK(left.size() == 600 - *taken);
  REQUIRE_FALSE(left.empty());
  CHECK(left.front() == "NEW599");
  CHECK(left.back() == "NEW" + std::to_string(*taken));
  for (const std::string& id : left) CHECK(from->find_json(id).has_value());
  from.reset();
  to.reset();
  CHECK(std::filesystem::file_size(path) <= most);
  CHECK(std::filesystem::file_size(path) > most / 2);
}

TEST_CASE("calls of one session are found, also in a store from before there were sessions", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  {
    const auto made = make_private_file(path, "the call store");
    REQUIRE(made.has_value());
    auto database = Database::open(path, SQLITE_OPEN_READWRITE);
    REQUIRE(database.has_value());
    REQUIRE(migrate(*database, migrations().first(1)).has_value());
  }
  sql(path,
      "INSERT INTO calls (id, started_us, way_in, outcome, request_bytes, response_bytes, record) "
      "VALUES ('OLD', 1, 'connect', 'complete', 0, 0, x'')");
  auto to = writer(path);
  auto one = record("A", 1);
  one.session_id = "chat-7";
  auto other = record("B", 2);
  other.session_id = "chat-77";
  write(*to, {one, other, record("C", 3)});
  CallFilter filter;
  CHECK(ids(*reader(path), filter) == std::vector<std::string>{"C", "B", "A", "OLD"});
  filter.session = "CHAT-7";
  CHECK(ids(*reader(path), filter) == std::vector<std::string>{"A"});
  filter.session = "chat";
  CHECK(ids(*reader(path), filter).empty());
}

TEST_CASE("what is kept can be changed while the store is written", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  write(*to, {record("A", 0), record("B", 3 * 86'400)});
  const WallTime now = at_second(4 * 86'400);
  REQUIRE(to->tend(now).has_value());
  CHECK(ids(*reader(path), {}).size() == 2);
  to->set_keep({2, 0});
  REQUIRE(to->tend(now).has_value());  // at once, though it was tended a moment ago
  CHECK(ids(*reader(path), {}) == std::vector<std::string>{"B"});
}

TEST_CASE("a clock that is set back does not keep old calls from being pruned", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto opened = CallStoreWriter::open(path, {2, 0});
  REQUIRE(opened.has_value());
  auto& to = **opened;
  REQUIRE(to.tend(at_second(11 * 86'400)).has_value());  // a day ahead
  write(to, {record("A", 0), record("B", 9 * 86'400)});
  REQUIRE(to.tend(at_second(10 * 86'400)).has_value());
  CHECK(ids(*reader(path), {}) == std::vector<std::string>{"B"});
}

TEST_CASE("a store that was moved or deleted is made anew, and one that was put back is gone on with", "[call_store]") {
  Scratch scratch;
  const std::string path = scratch.path("data/calls.db");
  auto opened = CallStoreWriter::open(path, {}, GENERATE(false, true));
  REQUIRE(opened.has_value());
  auto& to = **opened;
  write(to, {record("A")});
  std::filesystem::rename(path, path + ".old");
  write(to, {record("B")});
  CHECK(ids(*reader(path), {}) == std::vector<std::string>{"B"});
  CHECK(ids(*reader(path + ".old"), {}) == std::vector<std::string>{"A"});
  CHECK(mode(path) == 0600U);
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  write(to, {record("C")});
  CHECK(ids(*reader(path), {}) == std::vector<std::string>{"C"});

  const std::string folder = scratch.path("data");
  std::filesystem::rename(folder, folder + ".away");
  const auto done = to.write({record("D")});
  REQUIRE_FALSE(done.has_value());
  CHECK(has(done.error().detail, path));
  CHECK_FALSE(std::filesystem::exists(folder));  // a disk may be mounted there again
  REQUIRE_FALSE(to.tend(at_second(0)).has_value());
  std::filesystem::rename(folder + ".away", folder);
  write(to, {record("E")});
  CHECK(ids(*reader(path), {}).size() == 2);
}

}  // namespace borehole::store
