// Connections that a firewall rule took from another host: which are opened, which pass by untouched, which are
// refused.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "catch.h"
#include "dialogue.h"
#include "hello.h"

using namespace borehole;
using namespace borehole::proxy::test;
using namespace std::chrono_literals;

namespace {

const std::string host = bedrock_host;
const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

http::Authority address(std::uint16_t port, const std::string& ip = "198.51.100.7") { return {ip, port, true, true}; }

std::string call(const std::string& authority) { return "GET /models HTTP/1.1\r\nHost: " + authority + "\r\n\r\n"; }

}  // namespace

TEST_CASE("A redirected call to an intercepted host is direct, to the port that was called") {
  const std::uint16_t port = GENERATE(as<std::uint16_t>(), 443, 8443);
  const std::string authority = host + ":" + std::to_string(port);
  const std::string get = call(port == 443 ? host : authority);
  Dialogue d(address(port));
  d >> received(client, client_hello(host)) << open_tls(host, client_hello(host)) << prepare(authority + " tls");
  d >> received(client, get) << lease(authority + " tls");
  d >> leased() << to_upstream(get);
  d >> received(upstream, ok) << to_client(ok) << give_back();
  CHECK(d.call(0).start.way_in == calls::WayIn::direct);
  CHECK(d.call(0).start.upstream_host == host);
  CHECK(d.call(0).start.upstream_port == port);
}

TEST_CASE("A Host with another port than the one that was called is refused") {
  Dialogue d(address(8443));
  d >> received(client, client_hello(host)) << open_tls(host, client_hello(host)) << prepare(host + ":8443 tls");
  d >> received(client, call(host)) << last_refusal(400, "ValidationException", "host_mismatch") << finish_client();
}

TEST_CASE("Other TLS, and what is no TLS, goes on untouched to where it was meant to go") {
  const std::string octets = GENERATE(client_hello("www.example.com"), client_hello("localhost"), client_hello(""),
                                      std::string("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"),
                                      std::string("CONNECT example.com:443 HTTP/1.1\r\n\r\n"),
                                      std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), std::string("\x01\x02\x03"));
  Dialogue d(address(443));
  SECTION("whole") { d >> received(client, octets) << tunnel("198.51.100.7:443"); }
  SECTION("octet by octet") {
    bool asked = false;
    for (const char c : octets) {
      d >> received(client, std::string(1, c));
      if (!asked && !d.world.asked.empty()) {
        d << tunnel("198.51.100.7:443");
        asked = true;
      }
    }
    CHECK(asked);
  }
  d >> leased() << to_upstream(octets);
  d >> received(upstream, "\x15 answer") << to_client("\x15 answer");
  d >> received(client, "more") << to_upstream("more");
  d >> ended(upstream) << end_writing(client);
  d >> ended(client) << finish_upstream() << finish_client();
  CHECK(d.calls() == 0);
}

TEST_CASE("An address of IPv6 is gone on to in the same way") {
  Dialogue d(address(8443, "2001:db8::7"));
  d >> received(client, "hello") << tunnel("2001:db8::7:8443");
  d >> leased() << to_upstream("hello");
}

TEST_CASE("A server that speaks first is not waited for in vain; behind HTTP's ports the client is") {
  SECTION("another port") {
    Dialogue d(address(3306));
    d >> time_passes(1s) << tunnel("198.51.100.7:3306");
    d >> leased();
    d >> received(upstream, "greeting") << to_client("greeting");
  }
  SECTION("443") {
    Dialogue d(address(443));
    d >> time_passes(10s);
    d >> received(client, client_hello(host)) << open_tls(host, client_hello(host)) << prepare(host + ":443 tls");
  }
}

TEST_CASE("What only begins like a ClientHello goes on in the end") {
  Dialogue d(address(443));
  d >> received(client, "\x16\x03");
  SECTION("after the time for a head") { d >> time_passes(31s) << tunnel("198.51.100.7:443"); }
  SECTION("at the client's end") {
    d >> ended(client) << tunnel("198.51.100.7:443");
    d >> leased() << to_upstream("\x16\x03") << end_writing(upstream);
    return;
  }
  d >> leased() << to_upstream("\x16\x03");
}

TEST_CASE("A redirected client that says nothing and ends its side reaches its server still") {
  Dialogue d(address(443));
  d >> ended(client) << tunnel("198.51.100.7:443");
  d >> leased() << end_writing(upstream);
  d >> received(upstream, "answer") << to_client("answer");
  d >> ended(upstream) << finish_upstream() << finish_client();
}

TEST_CASE("What cannot be reached behind a redirection breaks, as it would have without borehole") {
  Dialogue d(address(443));
  d >> received(client, client_hello("www.example.com")) << tunnel("198.51.100.7:443");
  d >> connect_fails(ErrorCode::connect_failed) << break_client();
}

TEST_CASE("A redirected connection may reach no port that clients may not reach") {
  SECTION("passing by") {
    Dialogue d(address(25));
    d >> received(client, "EHLO me\r\n") << break_client();
    REQUIRE(d.calls() == 1);
    CHECK(d.call(0).error->code == ErrorCode::port_not_allowed);
    CHECK(d.call(0).outcome == calls::Outcome::refused);
    CHECK(d.call(0).start.way_in == calls::WayIn::direct);
  }
  SECTION("intercepted: told inside the TLS") {
    Dialogue d(address(25));
    d >> received(client, client_hello(host)) << open_tls(host, client_hello(host));
    d >> received(client, call(host + ":25")) << refusal(403, "AccessDeniedException", "port_not_allowed", "port 25");
    CHECK(d.call(0).error->code == ErrorCode::port_not_allowed);
  }
}

TEST_CASE("A redirected connection that leads back to the listener is refused") {
  Dialogue d(address(5380, "127.0.0.1"));
  d >> received(client, "hello") << break_client();
  CHECK(d.call(0).error->code == ErrorCode::proxy_loop);
}

TEST_CASE("Whoever may not use the proxy does not pass by it either") {
  Dialogue d(address(443), gateway_config(),
             Error{ErrorCode::address_not_allowed, Fault::client, "clients at 192.0.2.9 may not use this proxy"});
  d >> received(client, client_hello("www.example.com")) << break_client();
  CHECK(d.call(0).error->code == ErrorCode::address_not_allowed);
}

TEST_CASE("Where credentials are asked for, nobody passes by without them") {
  const auto path = std::filesystem::temp_directory_path() / ("borehole-redirected-users-" + std::to_string(getpid()));
  std::ofstream(path)
      << "ann:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\n";
  config::Config config = gateway_config();
  config.auth.users_file = path.string();
  Dialogue d(address(443), std::move(config));
  std::filesystem::remove(path);
  d >> received(client, client_hello("www.example.com")) << break_client();
  CHECK(d.call(0).error->code == ErrorCode::proxy_auth_required);
}

TEST_CASE("A proxy that is shutting down lets nobody pass by anew") {
  Dialogue d(address(443));
  d >> received(client, "\x16\x03");
  d >> shut_down();
  d >> received(client, "no TLS") << break_client();
  CHECK(d.call(0).error->code == ErrorCode::shutting_down);
}
