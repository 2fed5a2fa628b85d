#include "app/call_follower.h"

#include <cstdio>

#include "app/call_line.h"
#include "catch.h"
#include "store/call_pruner.h"
#include "unit/store/scratch.h"

using namespace borehole;
using namespace borehole::app;
using store::at_second;
using store::CallStoreWriter;
using store::record;
using store::Scratch;

namespace {

using Ids = std::vector<std::string>;

std::unique_ptr<CallStoreWriter> writer(const std::string& path) {
  auto opened = CallStoreWriter::open(path);
  REQUIRE(opened.has_value());
  return *std::move(opened);
}

Ids looked(CallFollower& follower, std::size_t first = 0) {
  const auto calls = follower.look(first);
  INFO((calls ? std::string() : calls.error().detail));
  REQUIRE(calls.has_value());
  Ids out;
  for (const auto& call : *calls) out.push_back(call.summary.id);
  return out;
}

void put(CallStoreWriter& to, const std::string& id, long long second) {
  REQUIRE(to.write({record(id, second)}).has_value());
}

}  // namespace

TEST_CASE("each new call is given once, whoever writes it", "[call_follower]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  put(*to, "OLD", 1);
  CallFollower follower(path, {}, at_second(10));
  CHECK(looked(follower).empty());
  CHECK(looked(follower).empty());
  put(*to, "A", 11);
  put(*to, "B", 5);  // began before, ended now
  CHECK(looked(follower) == Ids{"A", "B"});
  CHECK(looked(follower).empty());
  to.reset();  // the proxy ends, and another one starts
  CHECK(looked(follower).empty());
  to = writer(path);
  put(*to, "C", 12);
  CHECK(looked(follower) == Ids{"C"});
}

TEST_CASE("the last few come first, in order, and not again", "[call_follower]") {
  const Scratch scratch;
  auto to = writer(scratch.path("calls.db"));
  for (int i = 0; i < 5; ++i) put(*to, std::string(1, static_cast<char>('A' + i)), i);
  CallFollower follower(scratch.path("calls.db"), {}, at_second(10));
  CHECK(looked(follower, 3) == Ids{"C", "D", "E"});
  put(*to, "F", 11);
  CHECK(looked(follower, 3) == Ids{"F"});
}

TEST_CASE("a store that is not there yet is waited for; then all of it is new", "[call_follower]") {
  const Scratch scratch;
  const std::string path = scratch.path("later/calls.db");
  CallFollower follower(path, {}, at_second(10));
  CHECK(looked(follower, 3).empty());
  CHECK_FALSE(follower.has_store());
  auto to = writer(path);
  put(*to, "A", 11);
  CHECK(looked(follower, 3) == Ids{"A"});
  CHECK(follower.has_store());
}

TEST_CASE("a store that was replaced is followed under the same name", "[call_follower]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  put(*to, "A", 1);
  CallFollower follower(path, {}, at_second(0));
  CHECK(looked(follower).empty());
  to.reset();
  REQUIRE(std::rename(path.c_str(), scratch.path("away.db").c_str()) == 0);
  CHECK(looked(follower).empty());
  to = writer(path);
  put(*to, "B", 2);
  CHECK(looked(follower) == Ids{"B"});
}

TEST_CASE("a prune of everything hides nothing that comes after", "[call_follower]") {
  const Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto to = writer(path);
  for (int i = 0; i < 5; ++i) put(*to, "OLD" + std::to_string(i), i);
  CallFollower follower(path, {}, at_second(10));
  CHECK(looked(follower).empty());
  put(*to, "A", 11);
  CHECK(looked(follower) == Ids{"A"});
  auto pruner = store::CallPruner::open(path);
  REQUIRE(pruner.has_value());
  SECTION("of all") {
    REQUIRE((*pruner)->prune({}, [] { return true; }).has_value());
    SECTION("seen between") { CHECK(looked(follower).empty()); }
    put(*to, "B", 12);  // has the number that the first one had
    CHECK(looked(follower) == Ids{"B"});
  }
  SECTION("of the newest alone: older ones are not given again") {
    REQUIRE((*pruner)->prune({.since = at_second(11)}, [] { return true; }).has_value());
    put(*to, "B", 12);
    CHECK(looked(follower) == Ids{"B"});
  }
  put(*to, "C", 13);
  CHECK(looked(follower) == Ids{"C"});
}

TEST_CASE("filters hold while following, also for many calls at once", "[call_follower]") {
  const Scratch scratch;
  auto to = writer(scratch.path("calls.db"));
  CallFollower follower(scratch.path("calls.db"), {.model = "nova"}, at_second(0));
  CHECK(looked(follower).empty());
  std::vector<calls::CallRecord> batch;
  for (int i = 0; i < 1000; ++i) {
    batch.push_back(record(std::to_string(i), i));
    if (i % 2 == 0) batch.back().aws.model_id = "amazon.nova-lite-v1:0";
  }
  REQUIRE(to->write(batch).has_value());
  CHECK(looked(follower).size() == 500);
  CHECK(looked(follower).empty());
}

TEST_CASE("the line of a call is the one that a serving proxy prints", "[call_follower]") {
  const Scratch scratch;
  auto to = writer(scratch.path("calls.db"));
  auto call = record("A", 1);
  call.outcome = calls::Outcome::upstream_failed;
  call.error = Error{ErrorCode::connect_failed, Fault::upstream, "nobody\nlistens"};
  call.response.status.reset();
  auto good = record("B", 2);
  good.usage.input_tokens = 3;
  good.response.status = 400;
  good.response.error_type = "ValidationException";
  good.response.error_message = "no such model";
  REQUIRE(to->write({call, good}).has_value());
  CallFollower follower(scratch.path("calls.db"), {}, at_second(0));
  auto calls = follower.look(2);
  REQUIRE(calls.has_value());
  REQUIRE(calls->size() == 2);
  const std::string failed = call_line(calls->at(0), false);
  CHECK(failed.find("upstream_failed connect_failed: nobody\\x0alistens\n") != std::string::npos);
  const std::string refused = call_line(calls->at(1), true);
  CHECK(refused.find("400\x1b[0m Converse") != std::string::npos);
  CHECK(refused.find("ValidationException: no such model\n") != std::string::npos);
}
