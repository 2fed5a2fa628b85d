#include "net/descriptor_budget.h"

#include <chrono>

#include "net_fixture.h"

using namespace borehole::net;
using borehole::net::test::loopback;
using borehole::net::test::Pair;
using borehole::net::test::TestLoop;

TEST_CASE("each client that is served keeps room for its upstream") {
  DescriptorBudget budget;
  CHECK(budget.room_for_a_call({1'000'000, 0, 0}));  // nobody said how much there is
  budget.set_room(40);                               // 4 of which are a margin
  std::size_t served = 0;
  while (budget.room_for_a_call({served, 0, 0})) {
    ++served;
    budget.opened();
  }
  CHECK(served == 18);
  // What is left is theirs: so many upstreams, and some to tell others why they are refused.
  std::size_t refused = 0;
  while (budget.room_for_a_refusal({served, refused, 0})) {
    ++refused;
    budget.opened();
  }
  CHECK(refused == 2);
  CHECK(budget.open() + served <= 40);
  budget.closed();
  budget.closed();
  budget.closed();
  CHECK(budget.room_for_a_call({served - 1, 0, 0}));
}

TEST_CASE("what is open beside clients counts, unless it can be closed at once") {
  DescriptorBudget budget;
  budget.set_room(40);
  for (int i = 0; i < 36; ++i) budget.opened();  // idle connections to upstreams
  CHECK_FALSE(budget.room_for_a_call({1, 0, 0}));
  CHECK(budget.room_for_a_call({1, 0, 30}));
}

TEST_CASE("a loop's sockets are counted while they are open") {
  DescriptorBudget budget;
  TestLoop test;
  test.loop.count_sockets(budget);
  {
    Pair pair(test);
    CHECK(budget.open() == 2);
  }
  Timer later(test.loop, [&] { test.stop(); });
  later.start(std::chrono::milliseconds(1));
  REQUIRE(test.run());
  CHECK(budget.open() == 0);
}
