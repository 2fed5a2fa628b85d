#include "server/acquisition.h"

#include <string>

#include "catch.h"
#include "server_fixture.h"

using namespace borehole;
using namespace borehole::server;
using server::test::End;
using server::test::Seen;
using server::test::Site;
using server::test::until;
using server::test::Watch;

namespace {

// The corporate proxy: answers a complete head with what it is given.
struct ProxiedSite : Site {
  explicit ProxiedSite(std::string with, bool with_tls = false) : Site(false), answer(std::move(with)) {
    world.proxy = UpstreamWorld::Proxy{"127.0.0.1", listener->address().port(), "Basic dXNlcjpwYXNz"};
    world.resolve_rule = [](const std::string&, std::uint16_t) { return std::nullopt; };
    heard = [this, with_tls](End& end) {
      if (end.engine || !end.text.ends_with("\r\n\r\n")) return;
      asked = std::exchange(end.text, {});
      if (answer.empty()) return;
      end.say(answer);
      if (with_tls) end.engine = server_tls.accept({leaf_name});
    };
  }
  std::string answer;
  std::string asked;
};

}  // namespace

TEST_CASE("a dialled connection without TLS is ready with its facts") {
  Site site(false);
  const auto watch = site.acquire(site.target(false));
  REQUIRE(watch.connection);
  const auto& facts = watch.connection->facts();
  CHECK(facts.address == site.listener->address().to_string());
  CHECK(facts.connect);
  CHECK_FALSE(facts.tls);
  CHECK_FALSE(facts.reused);
  CHECK(watch.connection->target() == site.target(false));
}

TEST_CASE("TLS follows, verified, with its facts") {
  Site site(true);
  const auto watch = site.acquire(site.target(true));
  CAPTURE((watch.error ? watch.error->detail : ""));
  REQUIRE(watch.connection);
  CHECK(watch.connection->facts().tls);
  CHECK(watch.connection->facts().tls_version == "TLSv1.3");
  CHECK(watch.connection->facts().alpn == "http/1.1");
  CHECK(site.counters.dials.value() == 1);
  CHECK(site.counters.dials_failed.value() == 0);
  CHECK(site.counters.handshakes.value() == 1);
  CHECK(site.counters.resumptions.value() == 0);
}

TEST_CASE("a TLS session that is taken up again is counted as such") {
  Site site(true);
  auto first = site.acquire(site.target(true));
  REQUIRE(first.connection);
  Seen seen;
  first.connection->observe(&seen);
  first.connection->set_reading(true);
  REQUIRE(until(site.test, [&] { return !site.ends.empty() && site.ends.back()->engine->established(); }));
  site.end().say("x");  // behind its session tickets
  REQUIRE(until(site.test, [&] { return seen.text == "x"; }));
  const auto second = site.acquire(site.target(true));
  REQUIRE(second.connection);
  CHECK(site.counters.handshakes.value() == 2);
  CHECK(site.counters.resumptions.value() == 1);
}

TEST_CASE("a certificate for another name is rejected") {
  Site site(true);
  site.leaf_name = "bedrock-runtime.eu-west-1.amazonaws.com";
  const auto watch = site.acquire(site.target(true));
  CHECK_FALSE(watch.connection);
  REQUIRE(watch.error);
  CHECK(watch.error->code == ErrorCode::certificate_rejected);
  CHECK(watch.error->fault == Fault::upstream);
  CHECK(watch.error->detail.find(server::test::name) != std::string::npos);
  CHECK(site.counters.dials.value() == 1);
  CHECK(site.counters.dials_failed.value() == 1);
  CHECK(site.counters.handshakes.value() == 0);
}

TEST_CASE("an upstream that speaks no TLS, or leaves, is tls_failed") {
  Site site(false);
  SECTION("it speaks HTTP") {
    site.heard = [](End& end) { end.say("HTTP/1.1 400 Bad Request\r\n\r\n"); };
  }
  SECTION("it leaves") {
    site.heard = [](End& end) { end.socket->shut_down(); };
  }
  const auto watch = site.acquire(site.target(true));
  REQUIRE(watch.error);
  CHECK(watch.error->code == ErrorCode::tls_failed);
  CHECK(watch.error->fault == Fault::upstream);
}

TEST_CASE("a TLS handshake that stands still ends by the connect time-out") {
  Site site(false);
  site.world.connect_timeout = std::chrono::milliseconds(500);
  const auto watch = site.acquire(site.target(true));
  REQUIRE(watch.error);
  CHECK(watch.error->code == ErrorCode::connect_timeout);
  CHECK(watch.error->detail.find("TLS handshake") != std::string::npos);
  CHECK(watch.error->detail.find("upstream.connect_timeout") != std::string::npos);
}

TEST_CASE("nobody listens: connect_failed") {
  Site site(false);
  const auto gone = site.listener->address();
  site.listener.reset();
  site.world.resolve_rule = [&](const std::string&, std::uint16_t) { return std::optional(gone); };
  const auto watch = site.acquire(site.target(false));
  REQUIRE(watch.error);
  CHECK(watch.error->code == ErrorCode::connect_failed);
  CHECK(watch.error->fault == Fault::upstream);
}

TEST_CASE("the address rules: a client's target and the configuration's have their own") {
  Site site(false);
  site.world.resolve_rule = [](const std::string&, std::uint16_t) { return std::nullopt; };
  site.world.client_rule = [](const net::Address&) { return std::string("not for clients"); };
  proxy::UpstreamTarget target{"127.0.0.1", site.listener->address().port(), false, "", false};
  const auto refused = site.acquire(target);
  REQUIRE(refused.error);
  CHECK(refused.error->code == ErrorCode::address_not_allowed);
  CHECK(refused.error->fault == Fault::client);
  CHECK(refused.error->detail == "not for clients");
  CHECK(site.ends.empty());
  target.configured = true;
  CHECK(site.acquire(target).connection);
}

TEST_CASE("in steps: TCP first, TLS when asked") {
  Site site(true);
  Watch watch;
  Acquisition acquisition(site.world, site.target(true), false, watch);
  CHECK_FALSE(acquisition.tcp_open());
  REQUIRE(until(site.test, [&] { return watch.tcp_opens > 0; }));
  CHECK(acquisition.tcp_open());
  CHECK(watch.answers == 0);
  SECTION("TLS") {
    acquisition.secure(site.target(true));
    REQUIRE(until(site.test, [&] { return watch.answers > 0; }));
    REQUIRE(watch.connection);
    CHECK(watch.connection->facts().tls);
  }
  SECTION("none: the connection as it is") {
    const auto raw = acquisition.take_raw();
    CHECK_FALSE(raw->target().tls);
    raw->send("octets");
    raw->flush();
    REQUIRE(until(site.test, [&] { return site.ends.size() == 1 && site.end().failed; }));  // no ClientHello
  }
  CHECK(watch.tcp_opens == 1);
}

TEST_CASE("a cancelled acquisition is silent") {
  Site site(true);
  Watch watch;
  Acquisition acquisition(site.world, site.target(true), true, watch);
  SECTION("while it dials") { acquisition.cancel(); }
  SECTION("while TLS is on its way") {
    site.heard = [&](End&) { acquisition.cancel(); };
  }
  Watch later = site.acquire(site.target(true));
  CHECK(later.connection);
  CHECK(watch.answers == 0);
  CHECK(watch.tcp_opens == 0);
}

TEST_CASE("through a proxy: CONNECT with credentials, then TLS with the upstream itself") {
  ProxiedSite site(GENERATE(as<std::string>{}, "HTTP/1.1 200 Connection established\r\n\r\n",
                            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"),
                   true);
  const auto watch = site.acquire(site.target(true));
  CAPTURE((watch.error ? watch.error->detail : ""));
  REQUIRE(watch.connection);
  CHECK(watch.connection->facts().tls);
  const std::string authority = server::test::name + ":443";
  CHECK(site.asked == "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority +
                          "\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n");
}

TEST_CASE("what the proxy answers instead is upstream_proxy_refused, and says so") {
  const auto refused = [](const std::string& answer) {
    ProxiedSite site(answer);
    const auto watch = site.acquire(site.target(true));
    CAPTURE(answer);
    REQUIRE(watch.error);
    CHECK(watch.error->code == ErrorCode::upstream_proxy_refused);
    CHECK(watch.error->fault == Fault::upstream);
    CHECK(watch.error->detail.find("dXNl") == std::string::npos);
    return watch.error->detail;
  };
  const auto no_password = refused("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
  CHECK(no_password.find("407") != std::string::npos);
  CHECK(no_password.find("http://NAME:PASSWORD@HOST:PORT") != std::string::npos);
  const auto forbidden = refused("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!");
  CHECK(forbidden.find("403") != std::string::npos);
  CHECK(forbidden.find("PASSWORD") == std::string::npos);
  CHECK(refused("SSH-2.0-OpenSSH_9.2\r\n").find("HTTP proxy") != std::string::npos);
  CHECK(refused("HTTP/1.1 200 OK\r\n\r\nhello").find("behind its answer") != std::string::npos);
}

TEST_CASE("a proxy that does not answer ends by the connect time-out") {
  ProxiedSite site("");
  site.world.connect_timeout = std::chrono::milliseconds(500);
  const auto watch = site.acquire(site.target(true));
  REQUIRE(watch.error);
  CHECK(watch.error->code == ErrorCode::connect_timeout);
  CHECK(watch.error->detail.find("upstream.proxy") != std::string::npos);
}

TEST_CASE("an address that a client names is refused before a proxy is asked") {
  ProxiedSite site("HTTP/1.1 200 OK\r\n\r\n");
  site.world.client_rule = [](const net::Address& address) { return address.ip() + " is metadata"; };
  proxy::UpstreamTarget target{"169.254.169.254", 80, false, "", false};
  const auto watch = site.acquire(target);
  REQUIRE(watch.error);
  CHECK(watch.error->code == ErrorCode::address_not_allowed);
  CHECK(watch.error->detail == "169.254.169.254 is metadata");
  CHECK(site.asked.empty());
}
