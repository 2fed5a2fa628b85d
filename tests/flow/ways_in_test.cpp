// Every way in: CONNECT, absolute form, gateway, direct TLS, and the proxy spoken to over TLS.
#include "catch.h"
#include "dialogue.h"
#include "hello.h"

using namespace borehole;
using namespace borehole::proxy::test;
using namespace std::chrono_literals;

namespace {

const std::string host = bedrock_host;
const std::string origin = host + ":443";
const std::string connect_head = "CONNECT " + origin + " HTTP/1.1\r\nHost: " + origin + "\r\n\r\n";
const std::string post =
    "POST /model/m%3A0//x/../y/converse?a=%2F HTTP/1.1\r\nHOST: " + host + "\r\nContent-Length: 2\r\n\r\n{}";
const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

}  // namespace

TEST_CASE("CONNECT to an intercepted host opens TLS and forwards what is inside") {
  Dialogue d;
  d >> received(client, connect_head) << reach(origin + " tls");
  d >> reached() << to_client(established);
  d >> received(client, client_hello(host)) << open_tls(host, client_hello(host)) << prepare(origin + " tls");
  d >> received(client, post) << lease(origin + " tls");
  d >> leased() << to_upstream(post);
  d >> received(upstream, ok) << to_client(ok) << give_back();
  CHECK(d.calls() == 1);
  CHECK(d.call(0).outcome == calls::Outcome::complete);
  CHECK(d.call(0).start.way_in == calls::WayIn::connect);
  CHECK(d.call(0).start.router == "/");
  CHECK(d.call(0).start.upstream_host == host);
  CHECK(d.call(0).request_body == "{}");
  CHECK(d.call(0).response_body == "ok");
  d >> ended(client) << finish_client();
}

TEST_CASE("CONNECT is taken as old clients send it") {
  const std::string head = GENERATE_COPY(
      as<std::string>(), "CONNECT " + origin + " HTTP/1.0\r\n\r\n", "CONNECT " + origin + " HTTP/1.1\r\n\r\n",
      "CONNECT " + origin + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
      "CONNECT " + origin + " HTTP/1.1\r\nHost: " + host + "\r\nProxy-Connection: keep-alive\r\n\r\n");
  Dialogue d;
  d >> received(client, head) << reach(origin + " tls");
  d >> reached() << to_client(established);
}

TEST_CASE("A ClientHello right behind the CONNECT head waits for the answer") {
  Dialogue d;
  d >> received(client, connect_head + client_hello(host)) << reach(origin + " tls");
  d >> reached() << to_client(established) << open_tls(host, client_hello(host)) << prepare(origin + " tls");
}

TEST_CASE("A ClientHello is waited for whatever its pieces") {
  const std::string hello = client_hello(host);
  for (std::size_t cut = 1; cut < hello.size(); ++cut) {
    Dialogue d;
    d.world.pooled = true;
    d >> received(client, connect_head) << reach(origin + " tls") << to_client(established);
    d >> received(client, hello.substr(0, cut));
    d >> received(client, hello.substr(cut)) << open_tls(host, hello) << prepare(origin + " tls");
  }
}

TEST_CASE("CONNECT to another host is a tunnel") {
  Dialogue d;
  d >> received(client, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\nearly")
           << tunnel("example.com:443");
  d >> leased() << to_client(established) << to_upstream("early");
  d >> received(upstream, "one") << to_client("one");
  d >> received(client, "two") << to_upstream("two");
  CHECK(d.session->tunnelling());

  SECTION("half-closed by the client first") {
    d >> ended(client) << end_writing(upstream);
    d >> received(upstream, "three") << to_client("three");
    d >> ended(upstream) << finish_upstream() << finish_client();
  }
  SECTION("half-closed by the upstream first") {
    d >> ended(upstream) << end_writing(client);
    d >> received(client, "three") << to_upstream("three");
    d >> ended(client) << finish_upstream() << finish_client();
  }
  SECTION("broken by the client") { d >> broken(client) << drop_upstream() << finish_client(); }
  SECTION("broken by the upstream") { d >> broken(upstream) << drop_upstream() << break_client(); }
  CHECK(d.calls() == 0);
}

TEST_CASE("A tunnel whose host cannot be reached is refused on the CONNECT") {
  Dialogue d;
  d >> received(client, "CONNECT example.com:443 HTTP/1.1\r\n\r\n") << tunnel("example.com:443");
  d >> connect_fails(ErrorCode::dns_failed)
           << last_refusal(502, "ServiceUnavailableException", "dns_failed") << finish_client();
}

TEST_CASE("A client that ends its side before the tunnel is open still gets it") {
  Dialogue d;
  d >> received(client, "CONNECT example.com:80 HTTP/1.1\r\n\r\nask") << tunnel("example.com:80");
  d >> ended(client);
  d >> leased() << to_client(established) << to_upstream("ask") << end_writing(upstream);
  d >> received(upstream, "answer") << to_client("answer");
  d >> ended(upstream) << finish_upstream() << finish_client();
}

TEST_CASE("CONNECT to an address with an intercepted name in SNI dials the address, which must prove the name") {
  Dialogue d;
  d >> received(client, "CONNECT 192.0.2.7:443 HTTP/1.1\r\n\r\n") << reach("192.0.2.7:443");
  d >> reached() << to_client(established);
  d >> received(client, client_hello(host))
           << open_tls(host, client_hello(host)) << prepare("192.0.2.7:443 tls as " + host);
  d >> received(client, post) << lease("192.0.2.7:443 tls as " + host);
  d >> leased() << to_upstream(post);
  d >> received(upstream, ok) << to_client(ok) << give_back();
  CHECK(d.call(0).start.upstream_host == host);
}

TEST_CASE("CONNECT to an address with another name in SNI, or none, is a tunnel") {
  const std::string hello = GENERATE(as<std::string>(), client_hello("example.com"), client_hello(""), "SSH-2.0-x\r\n");
  Dialogue d;
  d >> received(client, "CONNECT 192.0.2.7:443 HTTP/1.1\r\n\r\n") << reach("192.0.2.7:443");
  d >> reached() << to_client(established);
  d >> received(client, hello) << tunnel("192.0.2.7:443");
  d >> leased() << to_upstream(hello);
}

TEST_CASE("A server that speaks first behind a CONNECT to an address is heard") {
  Dialogue d;
  d >> received(client, "CONNECT 192.0.2.7:25 HTTP/1.1\r\n\r\n");
  d << refusal(403, "AccessDeniedException", "port_not_allowed", "port 25", true) << finish_client();

  Dialogue allowed;
  allowed >> received(client, "CONNECT 192.0.2.7:2525 HTTP/1.1\r\n\r\n") << reach("192.0.2.7:2525");
  allowed >> reached() << to_client(established);
  allowed >> time_passes(299ms);
  allowed >> time_passes(1ms) << tunnel("192.0.2.7:2525");
  allowed >> leased();
  allowed >> received(upstream, "220 mail\r\n") << to_client("220 mail\r\n");
  allowed >> received(client, "EHLO\r\n") << to_upstream("EHLO\r\n");
}

TEST_CASE("Plain octets behind a CONNECT to an intercepted host are tunnelled") {
  Dialogue d;
  d.world.pooled = true;
  d >> received(client, "CONNECT " + host + ":80 HTTP/1.1\r\n\r\n")
           << reach(host + ":80 tls") << to_client(established);
  d >> received(client, "GET / HTTP/1.1\r\n\r\n") << tunnel(host + ":80") << to_upstream("GET / HTTP/1.1\r\n\r\n");
}

TEST_CASE("SNI that differs from the CONNECT authority is refused inside") {
  const std::string other = "bedrock-runtime.eu-west-1.amazonaws.com";
  Dialogue d;
  d.world.pooled = true;
  d >> received(client, connect_head) << reach(origin + " tls") << to_client(established);
  d >> received(client, client_hello(other)) << open_tls(other, client_hello(other));
  d >> received(client, "POST /x HTTP/1.1\r\nHost: " + other + "\r\nContent-Length: 3\r\n\r\nabc")
           << last_refusal(400, "ValidationException", "host_mismatch", "CONNECT named " + host) << finish_client();
  CHECK(d.call(0).outcome == calls::Outcome::refused);
}

TEST_CASE("A CONNECT that fails is answered on the CONNECT, and recorded") {
  Dialogue d;
  d >> received(client, connect_head) << reach(origin + " tls");
  SECTION("the name is not known") {
    d >> connect_fails(ErrorCode::dns_failed) << last_refusal(502, "ServiceUnavailableException", "dns_failed");
    CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
  }
  SECTION("too slow") {
    d >> connect_fails(ErrorCode::connect_timeout) << last_refusal(504, "ModelTimeoutException", "connect_timeout");
    CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
  }
  SECTION("the address is not allowed") {
    d >> connect_fails(ErrorCode::address_not_allowed, Fault::client)
             << last_refusal(403, "AccessDeniedException", "address_not_allowed");
    CHECK(d.call(0).outcome == calls::Outcome::refused);
  }
  d << finish_client();
}

TEST_CASE("A certificate that is rejected is told inside the opened TLS, where the client shows it") {
  Dialogue d;
  d.opened();
  d >> received(client, post) << lease(origin + " tls");
  d >> connect_fails(ErrorCode::certificate_rejected)
           << refusal(502, "ServiceUnavailableException", "certificate_rejected");
  CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
  d >> received(client, post) << lease(origin + " tls");
  d >> leased() << to_upstream(post);
}

TEST_CASE("Absolute form goes to the host it names, in origin form") {
  const std::string body = "Host: " + host + "\r\nProxy-Connection: keep-alive\r\nContent-Length: 2\r\n\r\n{}";
  Dialogue d;
  d >> received(client, "POST https://" + host + "/model/a%2Fb/converse?x HTTP/1.1\r\n" + body)
           << lease(origin + " tls");
  d >> leased() << to_upstream("POST /model/a%2Fb/converse?x HTTP/1.1\r\nHost: " + host +
                               "\r\nContent-Length: 2\r\n\r\n{}");
  d >> received(upstream, ok) << to_client(ok) << give_back();
  CHECK(d.call(0).start.way_in == calls::WayIn::absolute);

  d >> received(client, "GET http://example.com HTTP/1.1\r\nHost: example.com\r\n\r\n") << lease("example.com:80");
  d >> leased() << to_upstream("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
}

TEST_CASE("The proxy is spoken to over TLS, and everything is taken inside") {
  const std::string hello = client_hello("localhost");
  Dialogue d;
  d >> received(client, hello) << open_tls("localhost", hello);
  SECTION("absolute form") {
    d >> received(client, "GET https://" + host + "/ HTTP/1.1\r\nHost: " + host + "\r\n\r\n") << lease(origin + " tls");
    d >> leased() << to_upstream("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  }
  SECTION("gateway") {
    d >> received(client, "GET /service/standard/model HTTP/1.1\r\nHost: localhost:5380\r\n\r\n")
             << lease(origin + " tls configured");
    d >> leased() << to_upstream("GET /model HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  }
  SECTION("TLS in TLS") {
    d.opened();
    d >> received(client, post) << lease(origin + " tls");
    d >> leased() << to_upstream(post);
  }
}

TEST_CASE("A ClientHello for an intercepted host is a direct call") {
  const std::string hello = client_hello(host);
  Dialogue d;
  SECTION("whole") { d >> received(client, hello) << open_tls(host, hello) << prepare(origin + " tls"); }
  SECTION("octet by octet, with TLS octets behind it") {
    for (const char c : hello.substr(0, hello.size() - 1)) d >> received(client, std::string(1, c));
    d >> received(client, hello.substr(hello.size() - 1) + "more")
             << open_tls(host, hello + "more") << prepare(origin + " tls");
  }
  d >> received(client, post) << lease(origin + " tls");
  d >> leased() << to_upstream(post);
  d >> received(upstream, ok) << to_client(ok) << give_back();
  CHECK(d.call(0).start.way_in == calls::WayIn::direct);
}

TEST_CASE("A Host that is not the origin's is refused inside") {
  const std::string line = GENERATE(as<std::string>(), "GET / HTTP/1.1\r\nHost: example.com",
                                    "GET / HTTP/1.1\r\nHost: bedrock-runtime.us-east-1.amazonaws.com:444",
                                    "GET https://example.com/ HTTP/1.1\r\nHost: example.com",
                                    "GET http://bedrock-runtime.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: "
                                    "bedrock-runtime.us-east-1.amazonaws.com");
  Dialogue d;
  d.opened();
  d >> received(client, line + "\r\n\r\n")
           << last_refusal(400, "ValidationException", "host_mismatch", host) << finish_client();
}

TEST_CASE("The origin's own names are all taken inside") {
  const std::string line =
      GENERATE(as<std::string>(), "GET / HTTP/1.1\r\nHost: BEDROCK-runtime.us-east-1.amazonaws.com",
               "GET / HTTP/1.1\r\nHost: bedrock-runtime.us-east-1.amazonaws.com:443",
               "OPTIONS * HTTP/1.1\r\nHost: bedrock-runtime.us-east-1.amazonaws.com");
  Dialogue d;
  d.opened();
  d >> received(client, line + "\r\n\r\n") << lease(origin + " tls");
  d >> leased() << to_upstream(line + "\r\n\r\n");
}

TEST_CASE("The first letter of HTTP/2's preface is no reason to wait") {
  Dialogue slow;
  const std::string get = "PUT http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n";
  for (const char c : get.substr(0, get.size() - 1)) slow >> received(client, std::string(1, c));
  slow >> received(client, get.substr(get.size() - 1)) << lease("example.com:80");
}

TEST_CASE("A client whose handshake fails is recorded, by CONNECT and directly") {
  Dialogue d;
  SECTION("connect") { d.opened(); }
  SECTION("direct") {
    d >> received(client, client_hello(host)) << open_tls(host, client_hello(host)) << prepare(origin + " tls");
  }
  d >> client_tls_fails() << finish_client();
  REQUIRE(d.calls() == 1);
  CHECK(d.call(0).outcome == calls::Outcome::client_aborted);
  CHECK(d.call(0).error->code == ErrorCode::client_tls_failed);
  CHECK(d.call(0).start.upstream_host == host);
}

TEST_CASE("A direct client that was given this port names it in Host") {
  Dialogue d;
  d >> received(client, client_hello(host)) << open_tls(host, client_hello(host)) << prepare(origin + " tls");
  const std::string get = "GET / HTTP/1.1\r\nHost: " + host + ":5380\r\n\r\n";
  d >> received(client, get) << lease(origin + " tls");
  d >> leased() << to_upstream(get);
}

TEST_CASE("A ClientHello that comes slowly to an address is still waited for") {
  const std::string hello = client_hello(host);
  Dialogue d;
  d.world.pooled = true;
  d >> received(client, "CONNECT 192.0.2.7:443 HTTP/1.1\r\n\r\n") << reach("192.0.2.7:443") << to_client(established);
  d >> received(client, hello.substr(0, 20));
  d >> time_passes(1s);
  d >> received(client, hello.substr(20)) << open_tls(host, hello) << prepare("192.0.2.7:443 tls as " + host);
}

TEST_CASE("What only begins like a ClientHello is tunnelled to an address in the end") {
  Dialogue d;
  d.world.pooled = true;
  d >> received(client, "CONNECT 192.0.2.7:443 HTTP/1.1\r\n\r\n") << reach("192.0.2.7:443") << to_client(established);
  d >> received(client, "\x16\x03");
  d >> time_passes(31s) << tunnel("192.0.2.7:443") << to_upstream("\x16\x03");
}

TEST_CASE("A client that ends its side behind a CONNECT to an address is tunnelled still") {
  Dialogue d;
  SECTION("its octets first") {
    d >> received(client, "CONNECT 192.0.2.7:80 HTTP/1.1\r\n\r\nask") << reach("192.0.2.7:80");
    d >> ended(client);
    d >> reached() << to_client(established) << tunnel("192.0.2.7:80");
    d >> leased() << to_upstream("ask") << end_writing(upstream);
  }
  SECTION("without an octet") {
    d >> received(client, "CONNECT 192.0.2.7:80 HTTP/1.1\r\n\r\n") << reach("192.0.2.7:80");
    d >> reached() << to_client(established);
    d >> ended(client) << tunnel("192.0.2.7:80");
    d >> leased() << end_writing(upstream);
  }
  d >> received(upstream, "answer") << to_client("answer");
  d >> ended(upstream) << finish_upstream() << finish_client();
}
