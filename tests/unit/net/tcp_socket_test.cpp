#include "net/tcp_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include "net_fixture.h"

using namespace borehole;
using namespace borehole::net;
using borehole::net::test::Observer;
using borehole::net::test::Pair;
using borehole::net::test::pattern;
using borehole::net::test::TestLoop;

namespace {

void send(TcpSocket& socket, Bytes bytes) {
  socket.out().append(bytes);
  socket.flush();
}

}  // namespace

TEST_CASE("both ends know both addresses") {
  TestLoop test;
  Pair pair(test);
  CHECK(pair.near->remote_address() == pair.far->local_address());
  CHECK(pair.near->local_address() == pair.far->remote_address());
  CHECK(pair.near->remote_address().port() != 0);
}

TEST_CASE("a large transfer waits for its slow reader and loses nothing") {
  TestLoop test;
  Pair pair(test);
  const std::string all = pattern(24 * 1024 * 1024);
  send(*pair.near, Bytes(all).substr(0, all.size() / 2));
  send(*pair.near, Bytes(all).substr(all.size() / 2));
  const std::size_t at_first = pair.near->queued();
  CHECK(at_first > all.size() / 2);  // the kernel holds the rest

  std::size_t last = at_first;
  bool only_smaller = true;
  pair.near_seen.written = [&] {
    only_smaller = only_smaller && pair.near->queued() < last;
    last = pair.near->queued();
  };
  // The reader stops after each piece and goes on when the loop comes round.
  Timer go_on(test.loop, [&] { pair.far->set_reading(true); });
  int after_stop = 0;
  pair.far_seen.received = [&](Bytes) {
    if (!pair.far->reading()) ++after_stop;
    pair.far->set_reading(false);
    if (pair.far_seen.text.size() == all.size()) return test.stop();
    go_on.start(Duration::zero());
  };
  pair.far->set_reading(true);
  REQUIRE(test.run());
  CHECK(after_stop == 0);
  CHECK(only_smaller);
  CHECK(pair.near_seen.writes > 10);
  CHECK(pair.near->queued() == 0);
  CHECK((pair.far_seen.text == all));
}

TEST_CASE("a connection that has written all keeps no room for it: the next one writes there") {
  TestLoop test;
  Pair pair(test);
  send(*pair.near, "hello");
  const char* const room = pair.far->out().prepare(1);
  pair.far->flush();  // with nothing to write
  CHECK(pair.near->out().prepare(1) == room);
  CHECK(pair.far->out().capacity() == 0);
}

TEST_CASE("nothing is read before reading is set, nor while nobody observes") {
  TestLoop test;
  Pair pair(test);
  send(*pair.near, "hello");
  pair.far->observe(nullptr);
  pair.far->set_reading(true);
  Timer later(test.loop, [&] { pair.far->observe(&pair.far_seen); });
  later.start(std::chrono::milliseconds(2));
  pair.far_seen.received = [&](Bytes) { test.stop(); };
  REQUIRE(test.run());
  CHECK(pair.far_seen.text == "hello");
}

TEST_CASE("an end of one side leaves the other side open") {
  TestLoop test;
  Pair pair(test);
  pair.near->set_reading(true);
  pair.far->set_reading(true);
  send(*pair.near, "question");
  pair.near->shut_down();
  pair.far_seen.ended = [&] {
    send(*pair.far, "answer");
    pair.far->shut_down();
  };
  pair.near_seen.ended = [&] { test.stop(); };
  REQUIRE(test.run());
  CHECK(pair.far_seen.text == "question");
  CHECK(pair.near_seen.text == "answer");
  CHECK(pair.near_seen.ends == 1);
  CHECK(pair.far_seen.ends == 1);
  CHECK(pair.near_seen.breaks + pair.far_seen.breaks == 0);
  CHECK_FALSE(pair.near->reading());
}

TEST_CASE("the end is sent after everything that is queued") {
  TestLoop test;
  Pair pair(test);
  const std::string all = pattern(8 * 1024 * 1024);
  send(*pair.near, all);
  REQUIRE(pair.near->queued() > 0);
  pair.near->shut_down();
  pair.far->set_reading(true);
  pair.far_seen.ended = [&] { test.stop(); };
  REQUIRE(test.run());
  CHECK((pair.far_seen.text == all));
}

TEST_CASE("a reset is a break and not an end, with and without octets before it") {
  const std::string before = GENERATE(std::string(), std::string("a piece"), pattern(300 * 1024));
  TestLoop test;
  Pair pair(test);
  if (!before.empty()) send(*pair.near, before);
  pair.far_seen.broken = [&] { test.stop(); };
  pair.far_seen.ended = [&] { test.stop(); };
  // Both are there before the first look: a hang-up behind a short read.
  TcpSocket::deliver_and_reset(std::move(pair.near), std::chrono::seconds(10));
  Timer start(test.loop, [&] { pair.far->set_reading(true); });
  if (before.size() > 1000) {
    pair.far->set_reading(true);
  } else {
    start.start(std::chrono::milliseconds(20));
  }
  REQUIRE(test.run());
  CHECK((pair.far_seen.text == before));
  CHECK(pair.far_seen.ends == 0);
  CHECK(pair.far_seen.breaks == 1);
  CHECK(pair.far_seen.last_error.detail.find("reset") != std::string::npos);
  CHECK(pair.far_seen.last_error.detail.find("127.0.0.1") != std::string::npos);
}

TEST_CASE("a failed write is told from the loop, once, after what was still to be read") {
  TestLoop test;
  Pair pair(test);
  send(*pair.far, "early answer");
  // far closes with an unread octet in its buffer: a reset
  send(*pair.near, "x");
  Timer close_far(test.loop, [&] {
    TcpSocket::deliver_and_reset(std::move(pair.far), std::chrono::seconds(10));
    test.stop();
  });
  close_far.start(std::chrono::milliseconds(2));
  REQUIRE(test.run());
  bool inside = false;
  bool told_inside = false;
  pair.near_seen.broken = [&] {
    told_inside = inside;
    test.stop();
  };
  pair.near_seen.ended = [&] { test.stop(); };
  Timer write(test.loop, [&] {
    pair.near->set_reading(true);
    inside = true;
    send(*pair.near, "more");  // the first swallows the reset, the second would be EPIPE
    send(*pair.near, "and more");
    inside = false;
  });
  write.start(std::chrono::milliseconds(20));
  REQUIRE(test.run());
  CHECK_FALSE(told_inside);
  CHECK(pair.near_seen.text == "early answer");
  CHECK(pair.near_seen.breaks == 1);
  CHECK(pair.near_seen.ends == 0);
  CHECK(pair.near->queued() == 0);
}

TEST_CASE("a failed write is told though reading is stopped") {
  TestLoop test;
  Pair pair(test);
  pair.near_seen.broken = [&] { test.stop(); };
  TcpSocket::deliver_and_reset(std::move(pair.far), std::chrono::seconds(1));
  Timer write(test.loop, [&] { send(*pair.near, "x"); });
  write.start(std::chrono::milliseconds(10));
  REQUIRE(test.run());
  CHECK(pair.near_seen.breaks == 1);
}

TEST_CASE("quiet tells of octets, ends and resets") {
  TestLoop test;
  Pair pair(test);
  CHECK(pair.near->quiet());
  Timer look(test.loop, [&] { test.stop(); });
  look.start(std::chrono::milliseconds(5));
  SECTION("an octet") { send(*pair.far, "x"); }
  SECTION("an end") { pair.far->shut_down(); }
  SECTION("a reset") { TcpSocket::deliver_and_reset(std::move(pair.far), std::chrono::seconds(1)); }
  REQUIRE(test.run());
  CHECK_FALSE(pair.near->quiet());
}

TEST_CASE("a socket may be destroyed, or its observer changed, inside any call") {
  TestLoop test;
  Pair pair(test);
  pair.far->set_reading(true);
  SECTION("received") {
    send(*pair.near, pattern(500 * 1024));
    pair.far_seen.received = [&](Bytes) {
      pair.far.reset();
      test.stop();
    };
    REQUIRE(test.run());
    CHECK(pair.far_seen.text.size() <= 64 * 1024);
  }
  SECTION("ended") {
    pair.near.reset();
    pair.far_seen.ended = [&] {
      pair.far.reset();
      test.stop();
    };
    REQUIRE(test.run());
  }
  SECTION("broken") {
    TcpSocket::deliver_and_reset(std::move(pair.near), std::chrono::seconds(1));
    pair.far_seen.broken = [&] {
      pair.far.reset();
      test.stop();
    };
    REQUIRE(test.run());
  }
  SECTION("written") {
    send(*pair.near, pattern(8 * 1024 * 1024));
    pair.near_seen.written = [&] {
      pair.near.reset();
      test.stop();
    };
    REQUIRE(test.run());
    CHECK(pair.near_seen.writes == 1);
  }
  SECTION("observer changed") {
    Observer second;
    pair.far_seen.received = [&](Bytes) { pair.far->observe(&second); };
    second.ended = [&] { test.stop(); };
    send(*pair.near, pattern(200 * 1024));
    pair.near->shut_down();
    REQUIRE(test.run());
    CHECK((pair.far_seen.text + second.text == pattern(200 * 1024)));
    CHECK(pair.far_seen.text.size() <= 64 * 1024);
    CHECK(pair.far_seen.ends == 0);
    pair.far.reset();
  }
}
