// HTTP/2: what is agreed on, streams as exchanges, and how each end of one passes.
#include <fmt/format.h>

#include "catch.h"
#include "h2_peers.h"
#include "hello.h"

using namespace borehole;
using namespace borehole::proxy;
using namespace borehole::proxy::test;
using namespace std::chrono_literals;

namespace {

const std::string host = bedrock_host;
const std::string origin = host + ":443 tls";
const std::string both = client_hello(host, {"h2", "http/1.1"});
const std::string only_h2 = client_hello(host, {"h2"});

Expected asks(std::string what, std::string octets = {}) { return {std::move(what), std::move(octets), {}}; }
Event negotiated(std::string alpn) {
  return {"negotiated(" + alpn + ")", [alpn](Dialogue& d) {
            d.world.negotiating = false;
            calls::UpstreamFacts known = facts();
            known.alpn = alpn;
            d.session->negotiated(alpn, known, d.now);
          }};
}

}  // namespace

TEST_CASE("A client that offers h2 gets what the upstream speaks") {
  Dialogue d;
  d >> received(client, both) << asks("negotiate " + origin + " with h2 http/1.1");
  SECTION("HTTP/1.1") {
    d >> negotiated("http/1.1") << open_tls(host, both) << prepare(origin);
    d.world.pooled = true;
    const std::string get = "GET /models HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
    d >> received(client, get) << lease(origin) << to_upstream(get);
  }
  SECTION("nothing in particular") { d >> negotiated("") << open_tls(host, both) << prepare(origin); }
  SECTION("nothing, since it cannot be reached: the client is told inside, and may try again") {
    const std::string get = "GET /models HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
    d >> connect_fails(ErrorCode::certificate_rejected) << open_tls(host, both);
    d >> received(client, get) << refusal(502, "ServiceUnavailableException", "certificate_rejected");
    d.world.pooled = true;
    d >> received(client, get) << lease(origin) << to_upstream(get);
  }
  SECTION("and is not left waiting when it goes") { d >> ended(client) << asks("drop upstream") << finish_client(); }
}

TEST_CASE("Behind CONNECT the connection that was reached is the one that is asked") {
  Dialogue d;
  d >> received(client, "CONNECT " + host + ":443 HTTP/1.1\r\n\r\n") << reach(origin);
  d >> reached() << to_client(established);
  d >> received(client, both.substr(0, 30));
  d >> received(client, both.substr(30)) << asks("negotiate " + origin + " with h2 http/1.1");
  d >> negotiated("http/1.1") << open_tls(host, both) << prepare(origin);
}

TEST_CASE("A client that offers only h2 to an upstream that does not speak it is recorded, and told by the handshake") {
  Dialogue d;
  d >> received(client, only_h2) << asks("negotiate " + origin + " with h2");
  d >> negotiated("http/1.1") << open_tls(host, only_h2);
  CHECK(d.call(0).error->code == ErrorCode::unsupported_protocol);
  CHECK(d.call(0).outcome == calls::Outcome::refused);
  d >> client_tls_fails() << finish_client();
  CHECK(d.calls() == 1);
}

TEST_CASE("A client that offers only h2 is told of a failure inside, once") {
  H2Peers peers;
  peers.d >> received(client, only_h2) << asks("negotiate " + origin + " with h2");
  peers.d >> connect_fails(ErrorCode::dns_failed) << asks("open tls for " + host + " with h2", only_h2);
  peers.client_codec.request(h2_get, true);
  peers.settle();
  CHECK(peers.log.text.starts_with("1 head :status=502|x-amzn-errortype=ServiceUnavailableException|borehole-error="));
  CHECK(peers.d.call(0).outcome == calls::Outcome::upstream_failed);
  peers.client_codec.request(h2_get, true);
  peers.settle();
  CHECK(peers.asked() == "open leg 1 to " + origin + "\n");
  peers.leg_opens(1);
  CHECK(peers.upstream().log.text.starts_with("1 head "));
}

TEST_CASE("A request and its response pass as they are, and are recorded") {
  H2Peers peers;
  peers.direct();
  http::H2Fields fields = h2_post;
  fields.push_back({"b", "2"});
  fields.push_back({"authorization", "AWS4", true});
  fields.push_back({"te", "trailers"});
  fields.push_back({"b", "1"});
  peers.client_codec.request(fields, false);
  peers.settle();
  CHECK(peers.upstream().log.take() == "1 head :method=POST|:scheme=https|:authority=" + host +
                                           "|:path=/model/m/invoke|b=2|authorization=AWS4!|te=trailers|b=1\n");
  peers.client_codec.body(1, "one ");
  peers.settle();
  CHECK(peers.upstream().log.take() == "1 body one \n");
  peers.upstream().codec.informational(1, {{":status", "103"}, {"link", "l"}});
  peers.upstream().codec.response(1, h2_ok, false);
  peers.upstream().codec.body(1, "first");
  peers.settle();
  CHECK(peers.log.take() == "1 head :status=103|link=l\n1 head :status=200|x=1\n1 body first\n");
  peers.client_codec.body(1, "two");
  peers.client_codec.trailers(1, {{"sum", "7"}});
  peers.settle();
  CHECK(peers.upstream().log.take() == "1 body two\n1 trailers sum=7\n");
  CHECK(peers.d.calls() == 0);
  peers.upstream().codec.body(1, " last");
  peers.upstream().codec.trailers(1, {{"grpc-status", "0"}});
  peers.settle();
  CHECK(peers.log.take() == "1 body  last\n1 trailers grpc-status=0\n");
  const Seen& call = peers.d.call(0);
  CHECK(call.outcome == calls::Outcome::complete);
  CHECK(call.status == 200);
  CHECK(call.start.way_in == calls::WayIn::direct);
  CHECK(call.start.upstream_host == host);
  CHECK(call.received_head == "POST /model/m/invoke HTTP/1.1\r\nhost: " + host +
                                  "\r\nb: 2\r\nauthorization: AWS4\r\nte: trailers\r\nb: 1\r\n\r\n");
  CHECK(call.sent_head == call.received_head);
  CHECK(call.request_body == "one two");
  CHECK(call.response_body == "first last");
  CHECK(call.upstream);
  CHECK(call.request_complete);
  CHECK(call.request_held.size() == 1);
  CHECK(call.response_held.has_value());
}

TEST_CASE("A request that ends behind its answer is recorded as complete") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_post, false);
  peers.settle();
  peers.upstream().codec.response(1, h2_ok, true);
  peers.settle();
  CHECK(peers.d.calls() == 0);
  peers.client_codec.end(1);
  peers.settle();
  CHECK(peers.upstream().log.text.ends_with("1 end\n"));
  CHECK(peers.d.call(0).outcome == calls::Outcome::complete);
}

TEST_CASE("Streams share one connection upstream, and end each by itself") {
  H2Peers peers;
  peers.direct();
  for (int i = 0; i < 3; ++i) peers.client_codec.request(h2_get, true);
  peers.settle();
  for (const http::StreamId id : {5, 1, 3}) {
    peers.upstream().codec.response(id, h2_ok, false);
    peers.upstream().codec.body(id, fmt::format("for {}", id));
    peers.upstream().codec.end(id);
    peers.settle();
    CHECK(peers.log.take() == fmt::format("{0} head :status=200|x=1\n{0} body for {0}\n{0} end\n", id));
  }
  CHECK(peers.d.calls() == 3);
  CHECK(peers.asked() == "");
}

TEST_CASE("A client's reset reaches the upstream with its code") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_post, false);
  peers.settle();
  SECTION("before there is an answer") {}
  SECTION("inside of it") {
    peers.upstream().codec.response(1, h2_ok, false);
    peers.upstream().codec.body(1, "half");
    peers.settle();
  }
  peers.upstream().log.take();
  peers.client_codec.reset(1, 0xabc);
  peers.settle();
  CHECK(peers.upstream().log.take() == "1 reset error 0xabc\n");
  CHECK(peers.d.call(0).outcome == calls::Outcome::client_aborted);
  CHECK(!peers.d.session->over());
}

TEST_CASE("An upstream's reset reaches the client with its code, behind what came before") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  SECTION("before there is an answer: the client may see that it was not begun") {
    peers.upstream().codec.reset(1, http::h2_error::refused_stream);
    peers.settle();
    CHECK(peers.log.take() == "1 reset REFUSED_STREAM\n");
    CHECK(peers.d.call(0).error->code == ErrorCode::upstream_closed);
  }
  SECTION("inside of it") {
    peers.upstream().codec.response(1, h2_ok, false);
    peers.upstream().codec.body(1, "half");
    peers.upstream().codec.reset_behind_body(1, http::h2_error::internal);
    peers.settle();
    CHECK(peers.log.take() == "1 head :status=200|x=1\n1 body half\n1 reset INTERNAL_ERROR\n");
    CHECK(peers.d.call(0).error->code == ErrorCode::upstream_broke);
  }
  CHECK(peers.d.call(0).outcome == calls::Outcome::upstream_failed);
}

TEST_CASE("An answer before the request is whole lets the client stop") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_post, false);
  peers.settle();
  peers.upstream().codec.response(1, {{":status", "413"}}, false);
  peers.upstream().codec.body(1, "too large");
  peers.upstream().codec.end(1);
  peers.upstream().codec.reset_behind_body(1, http::h2_error::none);
  peers.settle();
  CHECK(peers.log.take() == "1 head :status=413\n1 body too large\n1 end\n1 reset NO_ERROR\n");
  CHECK(peers.d.call(0).outcome == calls::Outcome::complete);
}

TEST_CASE("A connection that breaks is told by 502 before an answer, by a reset inside of it") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.upstream().codec.response(1, h2_ok, false);
  peers.settle();
  peers.log.take();
  peers.leg_ends(1);
  CHECK(peers.log.text.find("1 reset INTERNAL_ERROR\n") != std::string::npos);
  CHECK(peers.log.text.find("3 head :status=502|") != std::string::npos);
  CHECK(peers.log.text.find("borehole-error=upstream_closed") != std::string::npos);
  CHECK(peers.d.calls() == 2);
  // The next stream gets a connection of its own.
  peers.forget();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  CHECK(peers.asked() == "open leg 2 to " + origin + "\n");
  peers.leg_fails(2, ErrorCode::connect_failed);
  CHECK(peers.log.text.find("5 head :status=502|") != std::string::npos);
  CHECK(peers.d.call(2).error->code == ErrorCode::connect_failed);
}

TEST_CASE("GOAWAY reaches the client, with the last stream that it has begun") {
  H2Peers peers;
  peers.direct();
  // The client's stream 1 is answered here, so that ids differ.
  http::H2Fields elsewhere = h2_get;
  elsewhere[2].value = "elsewhere.example";
  peers.client_codec.request(elsewhere, true);
  for (int i = 0; i < 3; ++i) peers.client_codec.request(h2_get, true);  // 3, 5, 7 are 1, 3, 5
  peers.settle();
  peers.log.take();
  peers.upstream().codec.goaway(3, http::h2_error::none, "restart");
  peers.settle();
  CHECK(peers.log.take() == "goaway 5 NO_ERROR restart\n7 reset REFUSED_STREAM\n");
  for (const http::StreamId id : {1, 3}) peers.upstream().codec.response(id, h2_ok, true);
  peers.settle();
  CHECK(peers.log.take() == "3 head :status=200|x=1 end\n5 head :status=200|x=1 end\n");
  CHECK(peers.d.session->over());
}

TEST_CASE("A shutdown that the upstream announces is announced to the client") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.upstream().codec.announce_shutdown();
  peers.settle();
  CHECK(peers.log.take() == "goaway 2147483647 NO_ERROR \n");
  peers.upstream().codec.response(1, h2_ok, true);
  peers.settle();
  CHECK(peers.log.take() == "1 head :status=200|x=1 end\n");
}

TEST_CASE("Priorities reach the upstream under its own ids (RFC 9218)") {
  H2Peers peers;
  peers.direct();
  http::H2Fields urgent = h2_get;
  urgent.push_back({"priority", "u=0, i"});
  peers.client_codec.request(h2_get, true);
  peers.client_codec.request(urgent, true);
  peers.settle();
  peers.client_codec.priority_update(3, "u=7");
  peers.settle();
  CHECK(peers.upstream().log.text.find("|priority=u=0, i end\n") != std::string::npos);
  CHECK(peers.upstream().log.text.ends_with("3 priority u=7\n"));
}

TEST_CASE("Extended CONNECT is offered where the upstream offers it (RFC 8441)") {
  const http::H2Fields websocket{{":method", "CONNECT"},
                                 {":protocol", "websocket"},
                                 {":scheme", "https"},
                                 {":authority", host},
                                 {":path", "/chat"}};
  H2Peers peers;
  peers.direct();
  CHECK(!peers.log.extended_connect);
  peers.upstream().codec.allow_extended_connect();
  peers.settle();
  REQUIRE(peers.log.extended_connect);
  peers.client_codec.request(websocket, false);
  peers.settle();
  CHECK(peers.upstream().log.take() ==
        "1 head :method=CONNECT|:protocol=websocket|:scheme=https|:authority=" + host + "|:path=/chat\n");
  peers.upstream().codec.response(1, {{":status", "200"}}, false);
  peers.upstream().codec.body(1, "frame");
  peers.settle();
  peers.client_codec.body(1, "answer");
  peers.settle();
  CHECK(peers.log.take() == "1 head :status=200\n1 body frame\n");
  CHECK(peers.upstream().log.take() == "1 body answer\n");
  CHECK(peers.d.witness.seen[0]->start.protocol == "websocket");
  // As behind a 101, silence is no fault of anybody's.
  peers.time_passes(24h);
  CHECK(!peers.d.session->over());
  CHECK(peers.d.calls() == 0);
  peers.upstream().codec.body(1, "more");
  peers.settle();
  CHECK(peers.log.take() == "1 body more\n");
  peers.client_codec.end(1);
  peers.settle();
  peers.upstream().codec.end(1);
  peers.settle();
  CHECK(peers.d.call(0).outcome == calls::Outcome::complete);
  CHECK(peers.d.call(0).request_body == "answer");
  CHECK(peers.d.call(0).response_body == "framemore");
}

TEST_CASE("An extended CONNECT that is not accepted is not waited for without end") {
  H2Peers peers;
  peers.direct();
  peers.upstream().codec.allow_extended_connect();
  peers.settle();
  peers.client_codec.request({{":method", "CONNECT"},
                              {":protocol", "websocket"},
                              {":scheme", "https"},
                              {":authority", host},
                              {":path", "/chat"}},
                             false);
  peers.settle();
  peers.time_passes(24h);
  CHECK(peers.d.calls() == 1);
}

TEST_CASE("With prior knowledge the port is a gateway, and a proxy") {
  H2Peers peers;
  peers.prior_knowledge();
  http::H2Fields fields = h2_post;
  fields[1].value = "http";
  SECTION("a router's prefix is cut, the port's own name replaced") {
    fields[2].value = "localhost:5380";
    fields[3].value = "/service/standard/model/a%3Ab/invoke";
    peers.client_codec.request(fields, true);
    peers.settle();
    CHECK(peers.asked() == "open leg 1 to " + origin + " configured\n");
    peers.leg_opens(1);
    CHECK(peers.upstream().log.take() ==
          "1 head :method=POST|:scheme=https|:authority=" + host + "|:path=/model/a%3Ab/invoke end\n");
    CHECK(peers.d.witness.seen[0]->start.way_in == calls::WayIn::gateway);
  }
  SECTION("a host of Bedrock's is called") {
    peers.client_codec.request(fields, true);
    peers.settle();
    CHECK(peers.asked() == "open leg 1 to " + origin + "\n");
  }
  SECTION("a scheme is the same in whatever case (RFC 3986 section 3.1)") {
    fields[1].value = "httpS";
    peers.client_codec.request(fields, true);
    peers.settle();
    CHECK(peers.asked() == "open leg 1 to " + origin + "\n");
    peers.leg_opens(1);
    CHECK(peers.upstream().log.take() ==
          "1 head :method=POST|:scheme=httpS|:authority=" + host + "|:path=/model/m/invoke end\n");
    CHECK(peers.d.witness.seen[0]->start.way_in == calls::WayIn::absolute);
  }
  SECTION("another host is asked for, as of a proxy") {
    fields[2].value = "example.com";
    peers.client_codec.request(fields, true);
    peers.settle();
    CHECK(peers.asked() == "open leg 1 to example.com:80\n");
    peers.leg_opens(1);
    CHECK(peers.upstream().log.take() ==
          "1 head :method=POST|:scheme=http|:authority=example.com|:path=/model/m/invoke end\n");
    CHECK(peers.d.witness.seen[0]->start.way_in == calls::WayIn::absolute);
  }
  SECTION("no router") {
    fields[2].value = "localhost:5380";
    peers.client_codec.request(fields, true);
    peers.settle();
    CHECK(peers.log.text.starts_with("1 head :status=404|"));
    CHECK(peers.d.call(0).error->code == ErrorCode::no_route);
  }
  SECTION("CONNECT is HTTP/1's") {
    peers.client_codec.request({{":method", "CONNECT"}, {":authority", host + ":443"}}, false);
    peers.settle();
    CHECK(peers.log.text.starts_with("1 head :status=400|"));
    CHECK(peers.d.call(0).error->code == ErrorCode::unsupported_protocol);
  }
  SECTION("borehole's own pages") {
    fields[0].value = "GET";
    fields[2].value = "borehole.test";
    fields[3].value = "/ca.pem";
    peers.client_codec.request(fields, true);
    peers.settle();
    CHECK(peers.log.text.find("1 body the root\n") != std::string::npos);
    CHECK(peers.d.calls() == 0);
  }
}

TEST_CASE("Refusals are answers on their stream alone") {
  H2Peers peers;
  peers.direct();
  http::H2Fields fields = h2_post;
  std::string code;
  SECTION("another host than the connection is for") {
    fields[2].value = "bedrock-runtime.eu-west-1.amazonaws.com";
    code = "host_mismatch";
  }
  SECTION("two hosts") {
    fields.push_back({"host", "other.example"});
    code = "ambiguous_request";
  }
  SECTION("a head that is too large") {
    fields.push_back({"x", std::string(70'000, 'x')});
    code = "head_too_large";
  }
  peers.client_codec.request(fields, false);
  peers.client_codec.body(1, std::string(600'000, 'b'));
  peers.settle();
  CHECK(peers.log.text.find("borehole-error=" + code) != std::string::npos);
  CHECK(peers.log.text.ends_with("1 reset NO_ERROR\n"));
  CHECK(peers.d.call(0).outcome == calls::Outcome::refused);
  CHECK(peers.upstream().log.text == "");
  peers.client_codec.request(h2_get, true);
  peers.settle();
  CHECK(peers.upstream().log.text.starts_with("1 head "));
}

TEST_CASE("Every stream is refused where the connection is") {
  H2Peers peers(gateway_config(), Error{ErrorCode::address_not_allowed, Fault::client, "not you"});
  peers.d.session->received(client, only_h2, peers.d.now);
  CHECK(peers.asked() == "open tls for " + host + " with h2\n");
  peers.client_codec.request(h2_get, true);
  peers.settle();
  CHECK(peers.log.text.starts_with("1 head :status=403|"));
}

TEST_CASE("A shutdown of ours lets what runs end") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.d.session->shut_down(peers.d.now);
  peers.settle();
  CHECK(peers.log.take() == "goaway 1 NO_ERROR \n");
  CHECK(!peers.d.session->over());
  peers.upstream().codec.response(1, h2_ok, true);
  peers.settle();
  CHECK(peers.log.take() == "1 head :status=200|x=1 end\n");
  CHECK(peers.d.session->over());
  CHECK(peers.d.world.clean);
}

TEST_CASE("A client that breaks HTTP/2 while we shut down takes its calls along, too") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.d.session->shut_down(peers.d.now);
  peers.settle();
  // A PING of nine octets (RFC 9113 section 6.7).
  peers.d.session->received(client, std::string("\0\0\x09\x06\0\0\0\0\0", 9) + "too many!", peers.d.now);
  CHECK(peers.d.call(0).outcome == calls::Outcome::client_aborted);
  CHECK(peers.d.call(0).error->detail.find("FRAME_SIZE_ERROR") != std::string::npos);
  CHECK(peers.d.session->over());
}

TEST_CASE("A client that goes takes its calls along") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.d.session->ended(client, peers.d.now);
  CHECK(peers.d.call(0).outcome == calls::Outcome::client_aborted);
  CHECK(peers.d.session->over());
}
