// Time-outs, armed lazily, and draining.
#include "catch.h"
#include "dialogue.h"

using namespace borehole;
using namespace borehole::proxy::test;
using namespace std::chrono_literals;

namespace {

const std::string host = bedrock_host;
const std::string origin = host + ":443 tls";
const std::string get = "GET /models HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
const std::string post = "POST /m HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 4\r\n\r\n";
const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

}  // namespace

TEST_CASE("A client that says nothing is let go") {
  Dialogue d;
  d >> time_passes(119s);
  d >> time_passes(1s) << finish_client();
  CHECK(d.calls() == 0);
}

TEST_CASE("A head that does not arrive in time is refused") {
  Dialogue d;
  SECTION("first on its connection") {
    d >> received(client, "GET http://example.com/ HTTP/1.1\r\nHo");
    d >> time_passes(29s);
    d >> received(client, "st: exa");  // another octet buys no time
    d >> time_passes(1s);
  }
  SECTION("inside TLS") {
    d.opened();
    d >> time_passes(20s);
    d >> received(client, "GET / HT");
    d >> time_passes(30s);
  }
  d << last_refusal(408, "ValidationException", "head_timeout", "limits.head_timeout") << finish_client();
  REQUIRE(d.calls() == 1);
  CHECK(d.call(0).outcome == calls::Outcome::refused);
}

TEST_CASE("A connection is idle from its last exchange on, not from its beginning") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  for (int i = 0; i < 3; ++i) {
    d >> received(client, get) << lease(origin) << to_upstream(get);
    d >> received(upstream, ok) << to_client(ok) << give_back();
    d >> time_passes(119s);
  }
  d >> time_passes(1s) << finish_client();
}

TEST_CASE("An upstream that is too slow") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  d >> received(client, get) << lease(origin) << to_upstream(get);
  SECTION("to begin its answer is refused for, and the connection stays") {
    d >> time_passes(899s);
    d >> time_passes(1s) << drop_upstream()
                         << refusal(504, "ModelTimeoutException", "response_timeout", "upstream.response_timeout");
    d >> received(client, get) << lease(origin) << to_upstream(get);
  }
  SECTION("to go on behind a 100 is refused for") {
    const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
    d >> received(upstream, interim) << to_client(interim);
    d >> time_passes(900s) << drop_upstream()
                           << refusal(504, "ModelTimeoutException", "response_timeout", "upstream.response_timeout");
  }
  SECTION("within its answer cuts it") {
    d >> time_passes(899s);
    d >> received(upstream, ok.substr(0, ok.size() - 1)) << to_client(ok.substr(0, ok.size() - 1));
    d >> time_passes(899s);
    d >> time_passes(1s) << drop_upstream() << break_client();
  }
  SECTION("is not blamed while the client reads nothing") {
    d >> received(upstream, ok.substr(0, ok.size() - 1)) << to_client(ok.substr(0, ok.size() - 1));
    d >> congested(client) << hold(upstream);
    d >> time_passes(900s) << drop_upstream() << break_client();
    CHECK(d.call(0).outcome == calls::Outcome::client_aborted);
    return;
  }
  CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
  CHECK(d.call(0).error->code == ErrorCode::response_timeout);
}

TEST_CASE("A request that stops half-way") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  d >> received(client, post + "b") << lease(origin) << to_upstream(post + "b");
  SECTION("is the client's fault") {
    d >> time_passes(29s);
    d >> received(client, "o") << to_upstream("o");
    d >> time_passes(119s);
    d >> time_passes(1s) << drop_upstream() << finish_client();
    CHECK(d.call(0).outcome == calls::Outcome::client_aborted);
  }
  SECTION("is the upstream's where it takes nothing") {
    d >> congested(upstream) << hold(client);
    d >> time_passes(120s) << drop_upstream()
                           << refusal(504, "ModelTimeoutException", "response_timeout", "limits.idle_timeout")
                           << resume(client);
  }
  SECTION("is nobody's behind an answer") {
    d >> received(upstream, ok) << to_client(ok);
    if (GENERATE(false, true)) d >> congested(upstream) << hold(client);
    d >> time_passes(120s) << drop_upstream() << finish_client();
    CHECK(d.call(0).outcome == calls::Outcome::complete);
  }
}

TEST_CASE("A drain ends what is quiet, and what runs once it is done") {
  Dialogue d;
  SECTION("nothing came yet") { d >> shut_down() << finish_client(); }
  SECTION("TLS is open") {
    d.opened();
    d >> shut_down() << finish_client();
  }
  SECTION("an exchange runs") {
    d.opened();
    d.world.pooled = true;
    d >> received(client, get) << lease(origin) << to_upstream(get);
    d >> shut_down();
    d >> received(upstream, ok) << to_client(ok) << give_back() << finish_client();
    CHECK(d.call(0).outcome == calls::Outcome::complete);
  }
  SECTION("a connection is being made") {
    d >> received(client, "CONNECT " + host + ":443 HTTP/1.1\r\n\r\n") << reach(origin);
    d >> shut_down();
    d >> reached() << to_client(established);
  }
  SECTION("a head is half there: it is told") {
    d.opened();
    d >> received(client, get.substr(0, 9));
    d >> shut_down();
    d >> received(client, get.substr(9)) << last_refusal(503, "ServiceUnavailableException", "shutting_down")
                                         << finish_client();
  }
}

TEST_CASE("A request body that comes an octet now and then is given up") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  const std::string head = "POST /m HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 100000\r\n\r\n";
  d >> received(client, head + "a") << lease(origin) << to_upstream(head + "a");
  SECTION("told, where nothing was answered yet") {
    d >> time_passes(20s);
    d >> received(client, "b") << to_upstream("b");
    d >> time_passes(11s);
    d >> received(client, "c") << to_upstream("c") << drop_upstream()
                               << last_refusal(408, "ValidationException", "body_timeout",
                                               "limits.body_bytes_per_second")
                               << finish_client();
    CHECK(d.call(0).outcome == calls::Outcome::refused);
  }
  SECTION("not one that is as fast as it must be, over every half minute") {
    for (int i = 0; i < 10; ++i) {
      d >> time_passes(31s);
      const std::string enough(3200, 'x');
      d >> received(client, enough) << to_upstream(enough);
    }
  }
  SECTION("not one that is held back by its upstream") {
    d >> congested(upstream) << hold(client);
    d >> time_passes(60s);
    d >> drained(upstream) << resume(client);
    d >> received(client, "b") << to_upstream("b");
  }
}

TEST_CASE("A connection ends behind as many requests as it may carry") {
  config::Config config = gateway_config();
  config.limits.requests_per_connection = 2;
  Dialogue d(std::move(config));
  d.opened();
  d.world.pooled = true;
  d >> received(client, get) << lease(origin) << to_upstream(get);
  d >> received(upstream, ok) << to_client(ok) << give_back();
  d >> received(client, get + get) << lease(origin) << to_upstream(get);
  d >> received(upstream, ok) << to_client(ok) << give_back() << finish_client();
  CHECK(d.calls() == 2);
}
