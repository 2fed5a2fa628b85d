#include "server/upstream_connection.h"

#include <string>

#include "catch.h"
#include "server_fixture.h"

using namespace borehole;
using namespace borehole::server;
using server::test::Seen;
using server::test::Site;
using server::test::until;

namespace {

struct Talk {
  explicit Talk(bool with_tls) : site(with_tls), connection(site.connect()) {
    connection->observe(&seen);
    connection->set_reading(true);
  }
  void send(Bytes bytes) {
    connection->send(bytes);
    connection->flush();
  }
  bool until(const std::function<bool()>& holds) { return server::test::until(site.test, holds); }

  Site site;
  Seen seen;
  std::unique_ptr<UpstreamConnection> connection;
};

}  // namespace

TEST_CASE("plaintext goes both ways, with TLS and without") {
  Talk talk(GENERATE(false, true));
  talk.send("question");
  CHECK(talk.until([&] { return talk.site.end().text == "question"; }));
  const std::string large = net::test::pattern(300'000);
  talk.site.end().say(large);
  talk.until([&] { return talk.seen.text.size() >= large.size(); });
  CHECK((talk.seen.text == large));
  CHECK(talk.seen.ends + talk.seen.breaks == 0);
}

TEST_CASE("a clean end is told once, and what came before it is delivered") {
  Talk talk(GENERATE(false, true));
  talk.site.end().say("last words");
  if (talk.site.secured) talk.site.end().say_close();
  talk.site.end().socket->shut_down();
  REQUIRE(talk.until([&] { return talk.seen.ends + talk.seen.breaks > 0; }));
  CHECK(talk.seen.text == "last words");
  CHECK(talk.seen.ends == 1);
  CHECK(talk.seen.breaks == 0);
  CHECK(talk.connection->ended());
  CHECK_FALSE(talk.connection->quiet());

  talk.send("still here");  // half-close: our direction goes on
  CHECK(talk.until([&] { return talk.site.end().text == "still here"; }));
  CHECK(talk.seen.ends == 1);
  CHECK(talk.seen.breaks == 0);
}

TEST_CASE("TLS that ends without close_notify is a break") {
  Talk talk(true);
  talk.site.end().say("half an answ");
  talk.site.end().socket->shut_down();
  REQUIRE(talk.until([&] { return talk.seen.ends + talk.seen.breaks > 0; }));
  CHECK(talk.seen.text == "half an answ");
  CHECK(talk.seen.ends == 0);
  CHECK(talk.seen.breaks == 1);
  CHECK(talk.seen.error.code == ErrorCode::upstream_broke);
  CHECK(talk.seen.error.fault == Fault::upstream);
  CHECK(talk.seen.error.detail.find("close_notify") != std::string::npos);
  CHECK(talk.seen.error.detail.find(server::test::name) != std::string::npos);
}

TEST_CASE("octets that are no TLS record are a break") {
  Talk talk(true);
  talk.site.end().socket->out().append("HTTP/1.1 200 OK\r\n\r\n");
  talk.site.end().socket->flush();
  REQUIRE(talk.until([&] { return talk.seen.ends + talk.seen.breaks > 0; }));
  CHECK(talk.seen.breaks == 1);
  CHECK(talk.seen.text.empty());
  CHECK_FALSE(talk.connection->quiet());
}

TEST_CASE("a reset is a break") {
  Talk talk(GENERATE(false, true));
  net::TcpSocket::deliver_and_reset(std::move(talk.site.end().socket), std::chrono::seconds(1));
  REQUIRE(talk.until([&] { return talk.seen.ends + talk.seen.breaks > 0; }));
  CHECK(talk.seen.ends == 0);
  CHECK(talk.seen.breaks == 1);
}

TEST_CASE("the end of writing is clean for the upstream, which may go on") {
  Talk talk(GENERATE(false, true));
  talk.send("all of it");
  talk.connection->end_writing();
  REQUIRE(talk.until([&] { return talk.site.end().ended; }));
  CHECK(talk.site.end().text == "all of it");
  CHECK(talk.site.end().closed == talk.site.secured);
  talk.site.end().say("the answer");
  CHECK(talk.until([&] { return talk.seen.text == "the answer"; }));
  CHECK(talk.seen.ends + talk.seen.breaks == 0);
}

TEST_CASE("finish delivers what is queued, then ends cleanly") {
  Talk talk(GENERATE(false, true));
  const std::string large = net::test::pattern(500'000);
  talk.connection->send(large);
  talk.connection->finish();
  talk.connection->send("too late");
  talk.connection->flush();
  REQUIRE(talk.until([&] { return talk.site.end().ended || talk.site.end().broken; }));
  CHECK((talk.site.end().text == large));
  CHECK(talk.site.end().closed == talk.site.secured);
  CHECK_FALSE(talk.site.end().broken);
}

TEST_CASE("reuse forgets what opening the connection took") {
  Talk talk(true);
  CHECK(talk.connection->facts().connect);
  CHECK(talk.connection->facts().tls);
  CHECK_FALSE(talk.connection->used());
  talk.connection->mark_used();
  talk.connection->mark_reused();
  CHECK(talk.connection->used());
  CHECK(talk.connection->facts().reused);
  CHECK_FALSE(talk.connection->facts().connect);
  CHECK_FALSE(talk.connection->facts().tls);
  CHECK(talk.connection->facts().tls_version == "TLSv1.3");
}
