#include "store/call_pruner.h"

#include <fmt/format.h>

#include "catch.h"
#include "store/call_store.h"
#include "store/record_blob.h"
#include "store/sqlite.h"
#include "unit/store/scratch.h"

namespace borehole::store {

namespace {

std::unique_ptr<CallStoreWriter> filled(const std::string& path, int count) {
  auto to = CallStoreWriter::open(path);
  REQUIRE(to.has_value());
  std::vector<calls::CallRecord> batch;
  for (int i = 0; i < count; ++i) {
    batch.push_back(record(fmt::format("{:06}", i), i));
    if (i % 100 == 7) batch.back().response.status = 500;
    batch.back().request.body = fmt::format("body {} {}", i, i % 10 == 3 ? "needle" : "hay");
  }
  REQUIRE((*to)->write(batch).has_value());
  return *std::move(to);
}

std::unique_ptr<CallPruner> pruner(const std::string& path) {
  auto opened = CallPruner::open(path);
  INFO((opened ? std::string() : opened.error().detail));
  REQUIRE(opened.has_value());
  return *std::move(opened);
}

std::uint64_t left(const std::string& path) {
  const auto from = CallStoreReader::open(path);
  REQUIRE(from.has_value());
  return (*from)->cheap_count({})->value();
}

constexpr auto on = [] { return true; };

}  // namespace

TEST_CASE("what is chosen is taken away while a writer has the store open, and nothing else", "[call_pruner]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  const auto to = filled(path, 1000);
  const auto by = pruner(path);
  CallFilter filter;
  std::uint64_t wanted = 1000;
  SECTION("all") {}
  SECTION("older ones") {
    filter.until = at_second(600);
    wanted = 600;
  }
  SECTION("a status") {
    filter.status = StatusRange(500, 599);
    wanted = 10;
  }
  SECTION("a text, whatever the limit says") {
    filter.text = "needle";
    filter.limit = 1;
    wanted = 100;
  }
  SECTION("none") {
    filter.model = "nobody";
    wanted = 0;
  }
  const auto counted = by->count(filter);
  REQUIRE(counted.has_value());
  CHECK(counted->calls == wanted);
  CHECK(left(path) == 1000);
  const auto taken = by->prune(filter, on);
  REQUIRE(taken.has_value());
  CHECK(taken->calls == wanted);
  CHECK(taken->octets == counted->octets);
  CHECK((taken->octets > 0) == (wanted > 0));
  CHECK(left(path) == 1000 - wanted);
  CHECK(by->count(filter)->calls == 0);
  REQUIRE(to->write({record("LATER", 5000)}).has_value());
  CHECK(left(path) == 1001 - wanted);
}

TEST_CASE("what is taken away leaves the block that it shared, and the others stay readable", "[call_pruner]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  const auto to = filled(path, 1000);
  CallFilter needles;
  needles.text = "needle";
  REQUIRE(pruner(path)->prune(needles, on)->calls == 100);

  const auto database = Database::open(path, SQLITE_OPEN_READONLY);
  REQUIRE(database.has_value());
  auto blocks = database->prepare("SELECT records FROM record_blocks");
  REQUIRE(blocks.has_value());
  RecordUnpacker unpacker;
  while (blocks->step() == Statement::Row::row) {
    CHECK(unpacker.unpack(blocks->octets(0))->find("needle") == std::string::npos);
  }
  const auto from = CallStoreReader::open(path);
  REQUIRE(from.has_value());
  int read = 0;
  CallFilter all;
  all.limit = 1000;
  REQUIRE((*from)->each(all, CallOrder::oldest_first, [&](ReadCall call) {
    REQUIRE(call.record);
    const int number = std::stoi(call.summary.id);
    CHECK(call.record->find(fmt::format("body {} hay", number)) != std::string::npos);
    ++read;
    return true;
  }));
  CHECK(read == 900);
}

TEST_CASE("a prune that is stopped says how far it came", "[call_pruner]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  const auto to = filled(path, 1000);
  const auto taken = pruner(path)->prune({}, [] { return false; });
  REQUIRE(taken.has_value());
  CHECK(taken->calls > 0);
  CHECK(taken->calls < 1000);
  CHECK(left(path) == 1000 - taken->calls);
}

TEST_CASE("disk space is given back", "[call_pruner]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  filled(path, 3000).reset();
  const auto before = std::filesystem::file_size(path);
  REQUIRE(pruner(path)->prune({}, on).has_value());
  CHECK(std::filesystem::file_size(path) < before / 4);
}

TEST_CASE("a store that is not there is said so, and not made", "[call_pruner]") {
  const Scratch scratch;
  const auto opened = CallPruner::open(scratch.path("calls.db"));
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == ErrorCode::not_found);
  CHECK_FALSE(std::filesystem::exists(scratch.path("calls.db")));
}

}  // namespace borehole::store
