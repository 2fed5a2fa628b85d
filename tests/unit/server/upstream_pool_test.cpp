#include "server/upstream_pool.h"

#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "server_fixture.h"

using namespace borehole;
using namespace borehole::server;
using server::test::until;

namespace {

proxy::UpstreamTarget plain(const std::string& host = "a.test") { return {host, 80, false, "", false}; }

// A connection as the pool gets it, and the upstream's end of it.
struct Made {
  Made(net::test::TestLoop& test, proxy::UpstreamTarget target, bool used = true) : pair(test) {
    calls::UpstreamFacts facts;
    facts.address = "192.0.2.1:80";
    facts.connect = std::chrono::milliseconds(3);
    connection = std::make_unique<UpstreamConnection>(std::move(pair.near), nullptr, std::move(target), facts);
    if (used) connection->mark_used();
    id = connection.get();
    pair.far->set_reading(true);
  }
  bool closed() const { return pair.far_seen.ends + pair.far_seen.breaks > 0; }
  void say(Bytes bytes) {
    pair.far->out().append(bytes);
    pair.far->flush();
  }
  net::test::Pair pair;
  std::unique_ptr<UpstreamConnection> connection;
  const UpstreamConnection* id = nullptr;
};

}  // namespace

TEST_CASE("while descriptors are scarce no connection is kept") {
  net::test::TestLoop test;
  WorkerCounters counters;
  net::DescriptorBudget descriptors;
  UpstreamPoolOptions options;
  options.descriptors = &descriptors;
  UpstreamPool pool(test.loop, options, counters);
  Made kept(test, plain());
  Made dropped(test, plain());
  pool.put(std::move(kept.connection));
  descriptors.note(true);
  pool.put(std::move(dropped.connection));
  CHECK(pool.size() == 1);
  REQUIRE(until(test, [&] { return dropped.closed(); }));
  descriptors.note(false);
  Made later(test, plain());
  pool.put(std::move(later.connection));
  CHECK(pool.size() == 2);
}

TEST_CASE("a connection is lent for its own target only, and once") {
  net::test::TestLoop test;
  WorkerCounters counters;
  UpstreamPool pool(test.loop, {}, counters);
  const proxy::UpstreamTarget own{"a.test", 443, true, "a.test", false};
  Made made(test, own);
  pool.put(std::move(made.connection));
  CHECK(pool.size() == 1);
  std::vector<proxy::UpstreamTarget> others(5, own);
  others[0].host = "b.test";
  others[1].port = 444;
  others[2].tls = false;
  others[3].tls_name = "b.test";
  others[4].configured = true;
  for (const auto& other : others) {
    CHECK_FALSE(pool.has(other));
    CHECK_FALSE(pool.take(other));
  }
  CHECK(pool.has(own));
  CHECK(pool.take(own).get() == made.id);
  CHECK_FALSE(pool.has(own));
  CHECK_FALSE(pool.take(own));
  CHECK(pool.size() == 0);
}

TEST_CASE("the newest goes first") {
  net::test::TestLoop test;
  WorkerCounters counters;
  UpstreamPool pool(test.loop, {}, counters);
  Made first(test, plain());
  Made other(test, plain("b.test"));
  Made second(test, plain());
  for (Made* made : {&first, &other, &second}) pool.put(std::move(made->connection));
  CHECK(pool.size() == 3);
  CHECK(pool.take(plain()).get() == second.id);
  CHECK(pool.take(plain()).get() == first.id);
  CHECK_FALSE(pool.take(plain()));
  CHECK(pool.take(plain("b.test")).get() == other.id);
}

TEST_CASE("a lent connection that has carried a request counts as reused") {
  net::test::TestLoop test;
  WorkerCounters counters;
  UpstreamPool pool(test.loop, {}, counters);
  const bool used = GENERATE(true, false);
  Made made(test, plain(), used);
  pool.put(std::move(made.connection));
  const auto taken = pool.take(plain());
  REQUIRE(taken);
  CHECK(taken->facts().reused == used);
  CHECK(taken->facts().connect.has_value() == !used);
  CHECK(taken->facts().address == "192.0.2.1:80");
}

TEST_CASE("a connection that shows an octet or an end is never lent") {
  net::test::TestLoop test;
  WorkerCounters counters;
  UpstreamPool pool(test.loop, {}, counters);
  const bool used = GENERATE(true, false);
  const bool speaks = GENERATE(true, false);
  const auto act = [&](Made& made) {
    speaks ? made.say("HTTP/1.1 408 Request Timeout\r\n") : made.pair.far->shut_down();
  };
  Made made(test, plain(), used);
  SECTION("before it is put") {
    act(made);
    pool.put(std::move(made.connection));
  }
  SECTION("while it is idle, and the loop has not told of it yet") {
    Made older(test, plain(), used);
    pool.put(std::move(older.connection));
    pool.put(std::move(made.connection));
    act(made);
    CHECK(pool.take(plain()).get() == older.id);
    CHECK(pool.size() == 0);
  }
  SECTION("while it is idle, and the loop has told") {
    pool.put(std::move(made.connection));
    act(made);
    REQUIRE(until(test, [&] { return pool.size() == 0; }));
  }
  CHECK_FALSE(pool.take(plain()));
  CHECK_FALSE(pool.has(plain()));
  CHECK(pool.size() == 0);
  CHECK(until(test, [&] { return made.closed(); }));
}

TEST_CASE("over the bound the oldest is closed") {
  net::test::TestLoop test;
  WorkerCounters counters;
  UpstreamPool pool(test.loop, {2, std::chrono::hours(1)}, counters);
  Made first(test, plain());
  Made second(test, plain("b.test"));
  Made third(test, plain("c.test"));
  for (Made* made : {&first, &second, &third}) pool.put(std::move(made->connection));
  CHECK(pool.size() == 2);
  CHECK_FALSE(pool.has(plain()));
  REQUIRE(until(test, [&] { return first.closed(); }));
  CHECK_FALSE(second.closed());
  CHECK(pool.take(plain("b.test")).get() == second.id);
  CHECK(pool.take(plain("c.test")).get() == third.id);
}

TEST_CASE("with a bound of nothing nothing is kept") {
  net::test::TestLoop test;
  WorkerCounters counters;
  UpstreamPool pool(test.loop, {0, std::chrono::hours(1)}, counters);
  Made made(test, plain());
  pool.put(std::move(made.connection));
  CHECK(pool.size() == 0);
  CHECK_FALSE(pool.has(plain()));
  CHECK(until(test, [&] { return made.closed(); }));
}

TEST_CASE("an idle connection is closed after its time") {
  net::test::TestLoop test;
  WorkerCounters counters;
  UpstreamPool pool(test.loop, {8, std::chrono::milliseconds(5)}, counters);
  Made first(test, plain());
  Made second(test, plain());
  const auto begin = test.loop.now();
  pool.put(std::move(first.connection));
  REQUIRE(until(test, [&] { return pool.size() == 0; }));
  CHECK(test.loop.now() - begin >= std::chrono::milliseconds(5));
  pool.put(std::move(second.connection));  // the timer starts anew
  REQUIRE(until(test, [&] { return pool.size() == 0 && first.closed() && second.closed(); }));
  CHECK_FALSE(pool.has(plain()));
}

TEST_CASE("clear closes all") {
  net::test::TestLoop test;
  WorkerCounters counters;
  UpstreamPool pool(test.loop, {}, counters);
  Made first(test, plain());
  Made second(test, plain("b.test"));
  pool.put(std::move(first.connection));
  pool.put(std::move(second.connection));
  pool.clear();
  CHECK(pool.size() == 0);
  CHECK_FALSE(pool.has(plain()));
  CHECK(until(test, [&] { return first.closed() && second.closed(); }));
}

TEST_CASE("the pool counts what was lent, what was not, and what is idle") {
  net::test::TestLoop test;
  WorkerCounters counters;
  {
    UpstreamPool pool(test.loop, {}, counters);
    CHECK_FALSE(pool.take(plain()));
    CHECK(counters.pool_misses.value() == 1);
    Made used(test, plain());
    Made fresh(test, plain("b.test"), false);
    Made left(test, plain("c.test"));
    for (Made* made : {&used, &fresh, &left}) pool.put(std::move(made->connection));
    CHECK(counters.pool_idle.value() == 3);
    CHECK(pool.take(plain()));
    CHECK(counters.pool_hits.value() == 1);
    CHECK(pool.take(plain("b.test")));  // opened for this call: nothing was saved
    CHECK(counters.pool_misses.value() == 2);
    CHECK(counters.pool_idle.value() == 1);
    left.pair.far->shut_down();
    CHECK_FALSE(pool.take(plain("c.test")));
    CHECK(counters.pool_misses.value() == 3);
    Made last(test, plain());
    pool.put(std::move(last.connection));
    CHECK(counters.pool_idle.value() == 1);
  }
  CHECK(counters.pool_idle.value() == 0);
  CHECK(counters.pool_hits.value() == 1);
}
