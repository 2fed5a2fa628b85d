// The last part of a connection's life: TcpSocket::finish_and_close and deliver_and_reset.
#include "net_fixture.h"

using namespace borehole;
using namespace borehole::net;
using borehole::net::test::Pair;
using borehole::net::test::pattern;
using borehole::net::test::TestLoop;

namespace {

constexpr auto long_enough = std::chrono::seconds(10);

}  // namespace

TEST_CASE("deliver_and_reset gives a slow reader every octet, then the reset") {
  TestLoop test;
  Pair pair(test);
  const std::string all = pattern(6 * 1024 * 1024);
  pair.near->out().append(all);
  TcpSocket::deliver_and_reset(std::move(pair.near), long_enough);
  Timer go_on(test.loop, [&] { pair.far->set_reading(true); });
  pair.far_seen.received = [&](Bytes) {
    pair.far->set_reading(false);
    go_on.start(Duration::zero());
  };
  pair.far_seen.broken = [&] { test.stop(); };
  pair.far_seen.ended = [&] { test.stop(); };
  pair.far->set_reading(true);
  REQUIRE(test.run());
  CHECK((pair.far_seen.text == all));
  CHECK(pair.far_seen.breaks == 1);
  CHECK(pair.far_seen.ends == 0);
}

TEST_CASE("deliver_and_reset gives up on a reader that does not read") {
  TestLoop test;
  Pair pair(test);
  pair.near->out().append(pattern(24 * 1024 * 1024));
  TcpSocket::deliver_and_reset(std::move(pair.near), std::chrono::milliseconds(50));
  // Written to until that fails: reading would be progress.
  Timer probe(test.loop, [&] {
    pair.far->out().append("x");
    pair.far->flush();
    probe.start(std::chrono::milliseconds(5));
  });
  pair.far_seen.broken = [&] { test.stop(); };
  probe.start(std::chrono::milliseconds(5));
  REQUIRE(test.run());
  CHECK(pair.far_seen.breaks == 1);
}

TEST_CASE("finish_and_close delivers a last answer to a client that is still sending") {
  TestLoop test;
  Pair pair(test);
  const std::string answer = pattern(3 * 1024 * 1024);
  pair.far->out().append(pattern(512 * 1024));  // never read by the session: a plain close would reset
  pair.far->flush();
  pair.near->out().append(answer);
  TcpSocket::finish_and_close(std::move(pair.near), long_enough);
  pair.far_seen.ended = [&] { test.stop(); };
  pair.far_seen.broken = [&] { test.stop(); };
  pair.far->set_reading(true);
  REQUIRE(test.run());
  CHECK((pair.far_seen.text == answer));
  CHECK(pair.far_seen.ends == 1);
  CHECK(pair.far_seen.breaks == 0);
}

TEST_CASE("finish_and_close lets go when the other side ends, even if it had ended before") {
  const bool before = GENERATE(true, false);
  TestLoop test;
  {
    Pair pair(test);
    if (before) {
      pair.near->set_reading(true);
      pair.near_seen.ended = [&] { test.stop(); };
      pair.far->shut_down();
      REQUIRE(test.run());
    }
    pair.near->out().append("bye");
    TcpSocket::finish_and_close(std::move(pair.near), std::chrono::hours(1));
    pair.far->set_reading(true);
    pair.far_seen.ended = [&] {
      pair.far.reset();
      test.loop.stop();
    };
    test.run();
    CHECK(pair.far_seen.text == "bye");
  }
  test.loop.run();  // comes back: nothing holds the loop for the hour
}

TEST_CASE("finish_and_close stops reading from one that sends without end, and one that never ends") {
  TestLoop test;
  Pair pair(test);
  pair.far_seen.broken = [&] { test.stop(); };
  SECTION("a mebibyte") {
    TcpSocket::finish_and_close(std::move(pair.near), long_enough);
    pair.far_seen.written = [&] {
      pair.far->out().append(pattern(256 * 1024));
      pair.far->flush();
    };
    pair.far->out().append(pattern(16 * 1024 * 1024));
    pair.far->flush();
  }
  SECTION("linger") {
    TcpSocket::finish_and_close(std::move(pair.near), std::chrono::milliseconds(20));
    Timer probe(test.loop, [&] {
      pair.far->out().append("x");
      pair.far->flush();
      probe.start(std::chrono::milliseconds(5));
    });
    probe.start(std::chrono::milliseconds(5));
    REQUIRE(test.run());
    CHECK(pair.far_seen.breaks == 1);
    return;
  }
  REQUIRE(test.run());
  CHECK(pair.far_seen.breaks == 1);
}

TEST_CASE("a loop that ends ends the farewells on it") {
  TestLoop test;
  Pair pair(test);
  pair.near->out().append(pattern(16 * 1024 * 1024));
  pair.far->out().append(pattern(16 * 1024 * 1024));
  TcpSocket::deliver_and_reset(std::move(pair.near), std::chrono::hours(1));
  TcpSocket::finish_and_close(std::move(pair.far), std::chrono::hours(1));
}
