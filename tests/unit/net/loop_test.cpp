#include "net/loop.h"

#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include "net_fixture.h"

using namespace borehole;
using namespace borehole::net;
using borehole::net::test::TestLoop;
using std::chrono::milliseconds;

TEST_CASE("a loop with nothing to wait for returns; wake-ups and signals do not hold it") {
  Loop loop;
  Wakeup wakeup(loop, [] {});
  SignalWatcher watcher(loop, SIGUSR1, [] {});
  Timer idle(loop, [] {});
  loop.run();
}

TEST_CASE("a turn of the loop has one beginning, the next a later one") {
  TestLoop test;
  TimePoint first, again, second;
  const TimePoint before = test.loop.now();
  Timer later(test.loop, [&] {
    second = test.loop.turn_began();
    test.stop();
  });
  Timer timer(test.loop, [&] {
    first = test.loop.turn_began();
    while (test.loop.now() == first) {
    }
    again = test.loop.turn_began();
    later.start(milliseconds(2));
  });
  timer.start(Duration::zero());
  REQUIRE(test.run());
  CHECK(first >= before);
  CHECK(again == first);
  CHECK(second > first);
}

TEST_CASE("timers fire in order, never early, and not after stop") {
  TestLoop test;
  std::vector<int> order;
  const auto begin = test.loop.now();
  TimePoint fired;
  Timer late(test.loop, [&] {
    order.push_back(3);
    fired = test.loop.now();
    test.stop();
  });
  Timer early(test.loop, [&] { order.push_back(1); });
  Timer stopped(test.loop, [&] { order.push_back(9); });
  Timer replaced(test.loop, [&] { order.push_back(2); });
  late.start(milliseconds(12));
  stopped.start(milliseconds(2));
  stopped.stop();
  replaced.start(std::chrono::hours(1));
  replaced.start(milliseconds(6));
  early.start(Duration::zero());
  REQUIRE(test.run());
  CHECK(order == std::vector<int>{1, 2, 3});
  CHECK(fired - begin >= milliseconds(12));
}

TEST_CASE("a timer may be destroyed inside its own call, and start itself again") {
  TestLoop test;
  std::optional<Timer> suicidal;
  suicidal.emplace(test.loop, [&] { suicidal.reset(); });
  suicidal->start(Duration::zero());
  int rounds = 0;
  Timer again(test.loop, [&] {
    if (++rounds == 3) return test.stop();
    again.start(Duration::zero());
  });
  again.start(Duration::zero());
  REQUIRE(test.run());
  CHECK_FALSE(suicidal);
}

TEST_CASE("a wake-up from another thread runs on the loop's thread") {
  TestLoop test;
  std::thread::id ran_on;
  Wakeup wakeup(test.loop, [&] {
    ran_on = std::this_thread::get_id();
    test.stop();
  });
  std::thread other([&] { wakeup.send(); });
  REQUIRE(test.run());
  other.join();
  CHECK(ran_on == std::this_thread::get_id());
}

TEST_CASE("a Unix signal arrives on the loop") {
  TestLoop test;
  int arrivals = 0;
  SignalWatcher watcher(test.loop, SIGUSR2, [&] {
    ++arrivals;
    test.stop();
  });
  Timer raise_it(test.loop, [] { std::raise(SIGUSR2); });
  raise_it.start(Duration::zero());
  REQUIRE(test.run());
  CHECK(arrivals == 1);
}
