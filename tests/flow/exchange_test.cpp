// Exchanges: framing, keep-alive, pipelining, interim responses, upgrades.
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

TEST_CASE("Pipelined requests are answered one after another, also behind the client's end") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  const bool ends = GENERATE(false, true);
  d >> received(client, get + post + "body" + get) << lease(origin) << to_upstream(get);
  if (ends) d >> ended(client);
  d >> received(upstream, ok) << to_client(ok) << give_back() << lease(origin) << to_upstream(post + "body");
  d >> received(upstream, ok) << to_client(ok) << give_back() << lease(origin) << to_upstream(get);
  d >> received(upstream, ok) << to_client(ok) << give_back();
  if (ends) d << finish_client();
  CHECK(d.calls() == 3);
}

TEST_CASE("A tap is told how long borehole had the head, and the answer's beginning, and not how long it waited") {
  Dialogue d;
  d.opened();
  d.world.flushed_at = d.now + 3ms;
  SECTION("on a pooled connection, whole messages") {
    d.world.pooled = true;
    d >> received(client, get) << lease(origin) << to_upstream(get);
    CHECK(d.witness.seen.back()->request_held == std::vector<Duration>{3ms});
    d >> time_passes(1s);
    d.world.flushed_at = d.now + 2ms;
    d >> received(upstream, ok) << to_client(ok) << give_back();
    CHECK(d.call(0).request_held == std::vector<Duration>{3ms});
    CHECK(d.call(0).response_held == Duration(2ms));
  }
  SECTION("on a connection that is waited for, in pieces, behind an interim response") {
    const std::string interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
    d >> received(client, post.substr(0, 9));
    d >> time_passes(1s);
    d.world.flushed_at = d.now + 3ms;
    d >> received(client, post.substr(9)) << lease(origin);
    d >> time_passes(1s);
    d.world.flushed_at = d.now + 4ms;
    d >> leased() << to_upstream(post);
    d >> time_passes(1s);
    d >> received(client, "body") << to_upstream("body");
    CHECK(d.witness.seen.back()->request_held == std::vector<Duration>{3ms, 4ms});
    d >> received(upstream, interim + ok.substr(0, 8)) << to_client(interim);
    CHECK_FALSE(d.witness.seen.back()->response_held);
    d >> time_passes(1s);
    d.world.flushed_at = d.now + 5ms;
    d >> received(upstream, ok.substr(8, ok.size() - 9)) << to_client(ok.substr(0, ok.size() - 1));
    CHECK(d.witness.seen.back()->response_held == Duration(5ms));
    d >> time_passes(1s);
    d >> received(upstream, ok.substr(ok.size() - 1)) << to_client(ok.substr(ok.size() - 1)) << give_back();
    CHECK(d.call(0).response_held == Duration(5ms));
  }
  CHECK(d.witness.broken_rule().empty());
}

TEST_CASE("An interim response passes at once, whatever its pieces") {
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string head =
      "POST /m HTTP/1.1\r\nHost: " + host + "\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  d >> received(client, head) << lease(origin) << to_upstream(head);
  SECTION("alone") { d >> received(upstream, interim) << to_client(interim); }
  SECTION("in two") {
    d >> received(upstream, interim.substr(0, 9));
    d >> received(upstream, interim.substr(9)) << to_client(interim);
  }
  SECTION("with a part of the next head") {
    d >> received(upstream, interim + ok.substr(0, 10)) << to_client(interim);
    d >> received(client, "body") << to_upstream("body");
    d >> received(upstream, ok.substr(10)) << to_client(ok) << give_back();
    CHECK(d.call(0).response_heads == interim + ok.substr(0, ok.size() - 2));
    return;
  }
  d >> received(client, "body") << to_upstream("body");
  d >> received(upstream, interim + interim + ok) << to_client(interim + interim + ok) << give_back();
  CHECK(d.call(0).status == 200);
}

TEST_CASE("A malformed response is refused once, and the next exchange is sound") {
  const std::string bad = GENERATE(as<std::string>(), "\r\nHTTP/1.1 200 OK\r\n\r\n", "SSH-2.0-x\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                                   "HTTP/1.1 100 Continue\r\n\r\nnonsense", "HTTP/1.1 101 Switching Protocols\r\n\r\n");
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  d >> received(client, get) << lease(origin) << to_upstream(get);
  d >> received(upstream, bad);
  if (bad.starts_with("HTTP/1.1 100")) {
    const Asked interim = d.world.asked.front();
    CHECK(interim.octets == "HTTP/1.1 100 Continue\r\n\r\n");
    d.world.asked.erase(d.world.asked.begin());
  }
  d << drop_upstream() << refusal(502, "ServiceUnavailableException", "malformed_response");
  CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
  d >> received(client, get) << lease(origin) << to_upstream(get);
  d >> received(upstream, ok) << to_client(ok) << give_back();
}

TEST_CASE("An upstream that sends more than a megabyte of fields is refused where a head's limit is reached") {
  const bool one_line = GENERATE(true, false);
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  d >> received(client, get) << lease(origin) << to_upstream(get);
  d >> received(upstream, "HTTP/1.1 200 OK\r\n" + std::string(one_line ? "X-Long: " : ""));
  const std::string piece = one_line ? std::string(1024, 'x') : "X-Field: " + std::string(1013, 'x') + "\r\n";
  std::size_t taken = 0;
  while (d.world.asked.empty() && taken < (2U << 20U)) {
    d >> received(upstream, piece);
    taken += piece.size();
  }
  CHECK(taken <= (1U << 20U) + 1024);
  d << drop_upstream() << refusal(502, "ServiceUnavailableException", "malformed_response");
  CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
  CHECK(d.call(0).response_heads.empty());
  d >> received(client, get) << lease(origin) << to_upstream(get);
}

TEST_CASE("An upstream's body that is shorter, longer or otherwise framed than its head says") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  d >> received(client, get) << lease(origin) << to_upstream(get);
  SECTION("too short: cut, and no complete response") {
    const std::string part = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok";
    d >> received(upstream, part) << to_client(part);
    d >> ended(upstream) << drop_upstream() << break_client();
    CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
    CHECK(d.call(0).error->code == ErrorCode::upstream_broke);
  }
  SECTION("too long: what is over is nobody's, and that connection is not used again") {
    d >> received(upstream, ok + "more") << to_client(ok) << drop_upstream();
    CHECK(d.call(0).outcome == calls::Outcome::complete);
    CHECK(d.call(0).response_body == "ok");
    d >> received(client, get) << lease(origin) << to_upstream(get);
  }
  SECTION("a bad chunk: cut where it is") {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    d >> received(upstream, head + "2\r\nok\r\n") << to_client(head + "2\r\nok\r\n");
    d >> received(upstream, "-1\r\n") << drop_upstream() << break_client();
    CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
    CHECK(d.call(0).error->code == ErrorCode::upstream_broke);
    CHECK(d.call(0).response_body == "ok");
  }
}

TEST_CASE("A response that the client's fault cuts short does not look complete") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  const std::string head = "POST /m HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string early = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsome";
  d >> received(client, head) << lease(origin) << to_upstream(head);
  d >> received(upstream, early) << to_client(early);
  SECTION("a chunk is malformed") { d >> received(client, "nonsense\r\n"); }
  SECTION("the client ends its side") { d >> ended(client); }
  SECTION("the client breaks") { d >> broken(client); }
  d << drop_upstream() << break_client();
  CHECK(d.call(0).outcome == calls::Outcome::client_aborted);
}

TEST_CASE("An upstream that ends or breaks before its response is complete") {
  const bool ends = GENERATE(true, false);
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  d >> received(client, get) << lease(origin) << to_upstream(get);
  const auto fails = [&](const std::string& so_far) {
    if (!so_far.empty()) {
      d >> received(upstream, so_far);
      d.world.asked.clear();
    }
    d >> (ends ? ended(upstream) : broken(upstream)) << drop_upstream();
  };
  SECTION("before any octet") {
    fails("");
    d << refusal(502, "ServiceUnavailableException", "upstream_closed");
  }
  SECTION("inside the head") {
    fails("HTTP/1.1 200 OK\r\nContent-");
    d << refusal(502, "ServiceUnavailableException", "upstream_closed");
  }
  SECTION("behind an interim response") {
    fails("HTTP/1.1 103 Early Hints\r\n\r\n");
    d << refusal(502, "ServiceUnavailableException", "upstream_closed");
  }
  SECTION("inside a counted body") {
    fails("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    d << break_client();
    CHECK(d.call(0).error->code == ErrorCode::upstream_broke);
  }
  SECTION("inside a chunked body") {
    fails("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    d << break_client();
    CHECK(d.call(0).error->code == ErrorCode::upstream_broke);
  }
  REQUIRE(d.calls() == 1);
  CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
  if (!d.over()) d >> received(client, get) << lease(origin) << to_upstream(get);
}

TEST_CASE("A body that ends with its connection is complete where that ends, and cut where it breaks") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  d >> received(client, get) << lease(origin) << to_upstream(get);
  d >> received(upstream, head + "ab") << to_client(head + "ab");
  SECTION("ends") {
    d >> ended(upstream) << drop_upstream() << finish_client();
    CHECK(d.call(0).outcome == calls::Outcome::complete);
  }
  SECTION("breaks") {
    d >> broken(upstream) << drop_upstream() << break_client();
    CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
  }
  CHECK(d.call(0).response_body == "ab");
}
