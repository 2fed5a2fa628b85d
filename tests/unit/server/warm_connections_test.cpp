#include "server/warm_connections.h"

#include <algorithm>
#include <string>

#include "catch.h"
#include "server_fixture.h"

using namespace borehole;
using namespace borehole::server;
using server::test::Site;
using server::test::until;

namespace {

struct WarmSite : Site {
  explicit WarmSite(bool with_tls = false) : Site(with_tls) { options.per_upstream = 2; }
  proxy::UpstreamTarget target() const { return Site::target(secured); }
  proxy::UpstreamTarget other(int number) const {
    return {"host-" + std::to_string(number) + ".test", 80, false, "", false};
  }
  WarmConnections& warm() {
    if (!made) made = std::make_unique<WarmConnections>(world, pool, options);
    return *made;
  }
  // What is due in this turn of the loop and the next is done.
  void turn() {
    for (int i = 0; i < 2; ++i) {
      net::Timer then(test.loop, [this] { test.stop(); });
      then.start(Duration::zero());
      REQUIRE(test.run());
    }
  }

  UpstreamPool pool{test.loop, {}, counters};
  WarmConnections::Options options;
  std::unique_ptr<WarmConnections> made;
};

}  // namespace

TEST_CASE("behind a call what is missing is opened, TLS included, and waits in the pool") {
  WarmSite site(true);
  site.warm().called(site.target());
  CHECK(site.counters.dials.value() == 0);  // the call's own connection goes first
  REQUIRE(until(site.test, [&] { return site.pool.count(site.target()) == 2; }));
  CHECK(site.counters.handshakes.value() == 2);
  site.warm().called(site.target());
  site.turn();
  CHECK(site.counters.dials.value() == 2);
  const auto taken = site.pool.take(site.target());
  REQUIRE(taken);
  CHECK_FALSE(taken->facts().connect);  // nobody waited for it
  CHECK_FALSE(taken->facts().tls);
  CHECK_FALSE(taken->facts().reused);
  CHECK(taken->facts().tls_version == "TLSv1.3");
  site.warm().called(site.target());
  REQUIRE(until(site.test, [&] { return site.pool.count(site.target()) == 2; }));
  CHECK(site.counters.dials.value() == 3);
  for (const auto& end : site.ends) CHECK(end->text.empty());
}

TEST_CASE("what the upstream closes is opened again, as long as it was called lately") {
  WarmSite site;
  site.options.look_again = std::chrono::milliseconds(1);
  site.warm().called(site.target());
  REQUIRE(until(site.test, [&] { return site.ends.size() == 2 && site.pool.count(site.target()) == 2; }));
  site.end().socket->shut_down();
  REQUIRE(until(site.test, [&] { return site.ends.size() == 3 && site.pool.count(site.target()) == 2; }));
}

TEST_CASE("an upstream that was not called lately is left alone") {
  WarmSite site;
  site.options.lately = Duration::zero();
  site.warm().called(site.target());
  site.turn();
  CHECK(site.counters.dials.value() == 0);
}

TEST_CASE("an upstream that cannot be reached is left alone for a while") {
  WarmSite site;
  const bool for_long = GENERATE(true, false);
  if (!for_long) site.options.after_a_failure = Duration::zero();
  site.options.per_upstream = 1;
  const auto gone = site.listener->address();
  site.listener.reset();
  site.world.resolve_rule = [&](const std::string&, std::uint16_t) { return std::optional(gone); };
  site.warm().called(site.target());
  REQUIRE(until(site.test, [&] { return site.counters.dials_failed.value() == 1; }));
  site.warm().called(site.target());
  site.turn();
  CHECK(site.counters.dials.value() == (for_long ? 1 : 2));
}

TEST_CASE("none is opened over the pool's bound, or while descriptors are scarce") {
  WarmSite site;
  net::DescriptorBudget descriptors;
  site.options.descriptors = &descriptors;
  site.options.max_idle = 1;
  descriptors.note(true);
  site.warm().called(site.target());
  site.turn();
  CHECK(site.counters.dials.value() == 0);
  descriptors.note(false);
  site.warm().called(site.target());
  REQUIRE(until(site.test, [&] { return site.pool.size() == 1; }));
  site.warm().called(site.other(1));
  site.turn();
  CHECK(site.counters.dials.value() == 1);
}

TEST_CASE("of many upstreams those called last are kept warm") {
  WarmSite site;
  site.options.per_upstream = 1;
  constexpr int many = static_cast<int>(WarmConnections::max_upstreams) + 1;
  for (int i = 0; i < many; ++i) site.warm().called(site.other(i));
  REQUIRE(until(site.test, [&] { return site.pool.size() == WarmConnections::max_upstreams; }));
  CHECK_FALSE(site.pool.has(site.other(0)));
  CHECK(site.pool.has(site.other(1)));
  CHECK(site.pool.has(site.other(many - 1)));
}

TEST_CASE("stopped, nothing more is opened, and what is being opened goes nowhere") {
  WarmSite site;
  const bool destroyed = GENERATE(true, false);
  const auto target = site.Site::target(true);  // whose TLS is never answered
  site.warm().called(target);
  REQUIRE(until(site.test, [&] { return site.ends.size() == 2; }));
  if (destroyed) {
    site.made.reset();
  } else {
    site.warm().stop();
    site.warm().called(target);
  }
  const auto over = [](const auto& end) { return end->ended || end->broken; };
  REQUIRE(until(site.test, [&] { return std::all_of(site.ends.begin(), site.ends.end(), over); }));
  site.turn();
  CHECK(site.pool.size() == 0);
  CHECK(site.counters.dials.value() == 2);
  CHECK(site.counters.dials_failed.value() == 0);
}
