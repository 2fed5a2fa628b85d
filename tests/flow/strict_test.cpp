// `record.durability: strict`: no response ends before its record is on disk.
#include "catch.h"
#include "h2_peers.h"

using namespace borehole;
using namespace borehole::proxy;
using namespace borehole::proxy::test;
using namespace std::chrono_literals;

namespace {

const std::string host = bedrock_host;
const std::string origin = host + ":443 tls";
const std::string get = "GET /models HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
const std::string head = "HEAD /models HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
const std::string post = "POST /m HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 4\r\n\r\n";
const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

config::Config strict() {
  config::Config config = gateway_config();
  config.record.strict_durability = true;
  return config;
}

Dialogue& sent(Dialogue& d, const std::string& request = get) {
  d.opened();
  d.world.pooled = true;
  d >> received(client, request) << lease(origin) << to_upstream(request);
  return d;
}

Expected not_kept() { return last_refusal(503, "ServiceUnavailableException", "store_failed", "/readyz"); }

}  // namespace

TEST_CASE("A response leaves once its record is on disk") {
  Dialogue d(strict());
  SECTION("in one piece") {
    sent(d);
    d >> received(upstream, ok) << give_back();
    CHECK(d.call(0).outcome == calls::Outcome::complete);
    CHECK(d.call(0).response_body == "ok");
    CHECK(d.call(0).response_held);
    d >> recorded(true) << to_client(ok);
  }
  SECTION("in pieces: all but the last pass at once") {
    sent(d);
    d >> received(upstream, ok.substr(0, 10));
    d >> received(upstream, ok.substr(10, ok.size() - 11)) << to_client(ok.substr(0, ok.size() - 1));
    CHECK(d.calls() == 0);
    d >> received(upstream, ok.substr(ok.size() - 1)) << give_back();
    d >> recorded(true) << to_client("k");
  }
  SECTION("chunked") {
    sent(d);
    const std::string begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    d >> received(upstream, begin) << to_client(begin);
    d >> received(upstream, "2\r\nde\r\n") << to_client("2\r\nde\r\n");
    d >> received(upstream, "0\r\n");
    if (!d.world.asked.empty()) d << to_client("0\r\n");
    d >> received(upstream, "Sum: 1\r\n\r\n") << give_back();
    d >> recorded(true) << to_client("Sum: 1\r\n\r\n");
    CHECK(d.call(0).response_body == "abcde");
  }
  SECTION("to HEAD") {
    sent(d, head);
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    const bool whole = GENERATE(true, false);
    if (!whole) d >> received(upstream, answer.substr(0, 20));
    d >> received(upstream, answer.substr(whole ? 0 : 20)) << give_back();
    d >> recorded(true) << to_client(answer);
  }
  SECTION("without a body") {
    sent(d);
    const std::string answer =
        GENERATE(as<std::string>(), "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n",
                 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    d >> received(upstream, answer) << give_back();
    d >> recorded(true) << to_client(answer);
  }
  SECTION("behind interim responses, which pass at once") {
    sent(d);
    const std::string interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
    d >> received(upstream, interim) << to_client(interim);
    d >> received(upstream, ok) << give_back();
    d >> recorded(true) << to_client(ok);
  }
  // and the connection goes on
  d >> received(client, get) << lease(origin) << to_upstream(get);
  d >> received(upstream, ok) << give_back();
  d >> recorded(true) << to_client(ok);
  CHECK(d.calls() == 2);
}

TEST_CASE("The next request waits with it, and is not lost") {
  Dialogue d(strict());
  sent(d);
  d >> received(upstream, ok) << give_back();
  d >> received(client, post.substr(0, 5));
  d >> received(client, post.substr(5) + "body");
  d >> recorded(true) << to_client(ok) << lease(origin) << to_upstream(post + "body");
  d >> received(upstream, ok) << give_back();
  d >> recorded(true) << to_client(ok);
}

TEST_CASE("What is told of other records changes nothing") {
  Dialogue d(strict());
  sent(d);
  const RecordNumber number = d.world.records;
  d.session->recorded(number - 1, false, d.now);  // the CONNECT's
  d.session->recorded(number + 7, true, d.now);
  d >> received(upstream, ok) << give_back();
  d.session->recorded(number - 1, true, d.now);
  d >> recorded(true) << to_client(ok);
  d >> recorded(true);
  d >> recorded(false);
  CHECK_FALSE(d.over());
}

TEST_CASE("A body that ends with its connection: the end waits") {
  Dialogue d(strict());
  sent(d);
  const std::string begin = "HTTP/1.1 200 OK\r\n\r\nab";
  d >> received(upstream, begin) << to_client(begin);
  SECTION("on disk") {
    d >> ended(upstream) << drop_upstream();
    CHECK(d.call(0).outcome == calls::Outcome::complete);
    d >> recorded(true) << finish_client();
  }
  SECTION("not on disk") {
    d >> ended(upstream) << drop_upstream();
    d >> recorded(false) << break_client();
  }
  SECTION("a break does not wait") {
    d >> broken(upstream) << drop_upstream() << break_client();
    CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
  }
}

TEST_CASE("A response that says it is the last ends its connection once its record is on disk") {
  Dialogue d(strict());
  sent(d);
  const std::string last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
  d >> received(upstream, last) << drop_upstream();
  d >> recorded(true) << to_client(last) << finish_client();
}

TEST_CASE("A call whose record cannot be kept fails") {
  Dialogue d(strict());
  SECTION("with 503 where its response had not begun") {
    sent(d);
    d >> received(upstream, ok) << give_back();
    d >> recorded(false) << not_kept() << finish_client();
  }
  SECTION("also behind an interim response") {
    sent(d);
    const std::string interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
    d >> received(upstream, interim) << to_client(interim);
    d >> received(upstream, ok) << give_back();
    d >> recorded(false) << not_kept() << finish_client();
  }
  SECTION("cut where it had") {
    sent(d);
    d >> received(upstream, ok.substr(0, ok.size() - 1)) << to_client(ok.substr(0, ok.size() - 1));
    d >> received(upstream, "k") << give_back();
    d >> recorded(false) << break_client();
  }
  SECTION("where it is known before its end") {
    sent(d);
    d >> recorded(false);
    d >> received(upstream, ok) << drop_upstream() << not_kept() << finish_client();
  }
  SECTION("before its end, which is a close") {
    sent(d);
    d >> recorded(false);
    const std::string begin = "HTTP/1.1 200 OK\r\n\r\nab";
    d >> received(upstream, begin) << to_client(begin);
    d >> ended(upstream) << drop_upstream() << break_client();
  }
  SECTION("a refusal too") {
    d.opened();
    d >> received(client, get) << lease(origin);
    d >> connect_fails(ErrorCode::dns_failed);
    d >> recorded(false) << not_kept() << finish_client();
  }
}

TEST_CASE("While records cannot be written no call is sent, and each tries whether they can again") {
  SECTION("HTTP/1.1") {
    Dialogue d(strict());
    d.opened();
    d.world.pooled = d.world.records_fail = true;
    d >> received(client, get);
    d >> recorded(false) << not_kept() << finish_client();
    CHECK(d.call(0).outcome == calls::Outcome::refused);
  }
  SECTION("HTTP/1.1, where they can") {
    Dialogue d(strict());
    d.opened();
    d.world.pooled = d.world.records_fail = true;
    d >> received(client, get);
    d >> recorded(true) << last_refusal(503, "ServiceUnavailableException", "store_failed", "was not sent")
                        << finish_client();
  }
  SECTION("HTTP/2") {
    H2Peers peers(strict());
    peers.direct();
    peers.d.world.records_fail = true;
    peers.client_codec.request(h2_get, true);
    peers.settle();
    CHECK(peers.upstream().log.text.find("head") == std::string::npos);
    peers.d.session->recorded(peers.d.world.records, true, peers.d.now);
    peers.settle();
    CHECK(peers.log.take().starts_with("1 head :status=503|"));
    peers.d.world.records_fail = false;
    peers.client_codec.request(h2_get, true);
    peers.settle();
    CHECK(peers.upstream().log.text.find("head") != std::string::npos);
  }
}

TEST_CASE("A refusal waits for its record") {
  Dialogue d(strict());
  SECTION("and the connection stays") {
    d.opened();
    d >> received(client, get) << lease(origin);
    d >> connect_fails(ErrorCode::dns_failed);
    CHECK(d.call(0).outcome == calls::Outcome::upstream_failed);
    d >> recorded(true) << refusal(502, "ServiceUnavailableException", "dns_failed");
    d.world.pooled = true;
    d >> received(client, get) << lease(origin) << to_upstream(get);
    d >> received(upstream, ok) << give_back();
    d >> recorded(true) << to_client(ok);
  }
  SECTION("while the rest of the request is discarded") {
    d.opened();
    d >> received(client, post + "bo") << lease(origin);
    d >> connect_fails(ErrorCode::dns_failed);
    if (GENERATE(true, false)) {
      d >> received(client, "dy" + get);
      d.world.pooled = true;
      d >> recorded(true) << refusal(502, "ServiceUnavailableException", "dns_failed") << lease(origin)
                          << to_upstream(get);
    } else {
      d >> recorded(true) << refusal(502, "ServiceUnavailableException", "dns_failed");
      d.world.pooled = true;
      d >> received(client, "dy" + get) << lease(origin) << to_upstream(get);
    }
  }
  SECTION("and the connection ends") {
    d >> received(client, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    CHECK(d.call(0).outcome == calls::Outcome::refused);
    d >> received(client, "more of whatever it is");
    d >> recorded(true);
    CHECK(d.world.asked.front().octets.starts_with("HTTP/1.1 400 "));
    d << to_client_something() << finish_client();
  }
  SECTION("of a CONNECT") {
    d >> received(client, "CONNECT " + host + ":443 HTTP/1.1\r\nHost: " + host + ":443\r\n\r\n") << reach(origin);
    d >> connect_fails(ErrorCode::connect_failed);
    d >> recorded(true) << last_refusal(502, "ServiceUnavailableException", "connect_failed") << finish_client();
  }
}

TEST_CASE("A response that comes before its request is complete has its record at its own end") {
  Dialogue d(strict());
  sent(d, post);
  d >> received(client, "bo") << to_upstream("bo");
  d >> received(upstream, ok);
  CHECK(d.call(0).outcome == calls::Outcome::complete);
  CHECK(d.call(0).notes == std::vector<std::string>{std::string(early_response_note)});
  SECTION("the request goes on behind it") {
    d >> recorded(true) << to_client(ok);
    d >> received(client, "dy") << to_upstream("dy") << give_back();
    d >> received(client, get) << lease(origin) << to_upstream(get);
  }
  SECTION("and before it") {
    d >> received(client, "dy") << to_upstream("dy") << give_back();
    d >> recorded(true) << to_client(ok);
    d >> received(client, get) << lease(origin) << to_upstream(get);
  }
  SECTION("the upstream goes") {
    d >> (GENERATE(true, false) ? ended(upstream) : broken(upstream)) << drop_upstream();
    d >> received(client, "dy");
    d >> recorded(true) << to_client(ok) << finish_client();
  }
  SECTION("the client ends its side") {
    d >> ended(client) << drop_upstream();
    d >> recorded(true) << to_client(ok) << finish_client();
  }
  SECTION("it cannot be kept") { d >> recorded(false) << drop_upstream() << not_kept() << finish_client(); }
  CHECK(d.calls() == 1);
}

TEST_CASE("A client that goes while its record is waited for") {
  Dialogue d(strict());
  sent(d);
  d >> received(upstream, ok) << give_back();
  SECTION("is not kept waiting where it breaks") { d >> broken(client) << break_client(); }
  SECTION("gets its answer where it ends its side") {
    d >> ended(client);
    d >> recorded(true) << to_client(ok) << finish_client();
  }
  SECTION("gets it where borehole shuts down") {
    d >> shut_down();
    d >> recorded(true) << to_client(ok) << finish_client();
  }
  SECTION("is cut where borehole is told to stop at once") {
    d.session->cut(d.now);
    d << break_client();
  }
  CHECK(d.calls() == 1);
}

TEST_CASE("Behind a 101 the upstream's end waits") {
  Dialogue d(strict());
  const std::string upgrade =
      "GET /ws HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const std::string switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  sent(d, upgrade);
  d >> received(upstream, switched + "first") << to_client(switched + "first");
  d >> received(upstream, "second") << to_client("second");
  d >> ended(upstream);
  CHECK(d.call(0).outcome == calls::Outcome::complete);
  SECTION("on disk") {
    d >> recorded(true) << end_writing(client);
    d >> ended(client) << finish_upstream() << finish_client();
  }
  SECTION("not on disk") { d >> recorded(false) << drop_upstream() << break_client(); }
}

TEST_CASE("Own pages, tunnels and calls that are not recorded wait for nothing") {
  SECTION("a page") {
    Dialogue d(strict());
    d >> received(client, "GET http://borehole.test/ca.pem HTTP/1.1\r\nHost: borehole.test\r\n\r\n")
             << to_client_something();
    CHECK(d.world.records == 0);
  }
  SECTION("a tunnel") {
    Dialogue d(strict());
    d.world.pooled = true;
    d >> received(client, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
             << tunnel("example.com:443") << to_client(established);
    CHECK(d.world.records == 0);
  }
  SECTION("with batch") {
    Dialogue d;
    sent(d);
    d >> received(upstream, ok) << to_client(ok) << give_back();
    CHECK(d.world.records == 0);
  }
}

TEST_CASE("HTTP/2: a response ends once its record is on disk") {
  H2Peers peers(strict());
  peers.direct();
  Dialogue& d = peers.d;
  const auto recorded_now = [&](bool on_disk) {
    d.session->recorded(d.world.records, on_disk, d.now);
    peers.settle();
  };
  peers.client_codec.request(h2_get, true);
  peers.settle();
  auto& up = peers.upstream();
  SECTION("in one piece") {
    up.codec.response(1, h2_ok, false);
    up.codec.body(1, "all");
    up.codec.end(1);
    peers.settle();
    CHECK(peers.log.take() == "");
    CHECK(d.call(0).outcome == calls::Outcome::complete);
    CHECK(d.call(0).response_held);
    SECTION("on disk") {
      recorded_now(true);
      CHECK(peers.log.take().starts_with("1 head :status=200|x=1\n1 body all\n1 end"));
    }
    SECTION("not on disk") {
      recorded_now(false);
      CHECK(peers.log.take().starts_with(
          "1 head :status=503|x-amzn-errortype=ServiceUnavailableException|borehole-error=store_failed|"));
    }
    SECTION("the client resets it") {
      peers.client_codec.reset(1, http::h2_error::cancel);
      peers.settle();
      recorded_now(true);
    }
  }
  SECTION("in pieces") {
    up.codec.response(1, h2_ok, false);
    up.codec.body(1, "begin");
    peers.settle();
    CHECK(peers.log.take() == "1 head :status=200|x=1\n1 body begin\n");
    up.codec.body(1, "middle");
    peers.settle();
    CHECK(peers.log.take() == "1 body middle\n");
    up.codec.body(1, "end");
    up.codec.trailers(1, {{"sum", "7"}});
    peers.settle();
    CHECK(peers.log.take() == "");
    SECTION("on disk") {
      recorded_now(true);
      CHECK(peers.log.take().starts_with("1 body end\n1 trailers sum=7\n"));
    }
    SECTION("not on disk") {
      recorded_now(false);
      CHECK(peers.log.take().starts_with("1 reset INTERNAL_ERROR"));
    }
  }
  SECTION("without a body") {
    up.codec.response(1, {{":status", "204"}}, true);
    peers.settle();
    CHECK(peers.log.take() == "");
    recorded_now(true);
    CHECK(peers.log.take().starts_with("1 head :status=204 end"));
  }
  SECTION("its record is lost before its end") {
    d.session->recorded(d.world.records, false, d.now);
    up.codec.response(1, h2_ok, true);
    peers.settle();
    CHECK(peers.log.take().starts_with("1 head :status=503|"));
  }
  CHECK(d.calls() == 1);
  // and the connection goes on
  (void)peers.log.take();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  up.codec.response(3, h2_ok, true);
  peers.settle();
  CHECK(peers.log.take() == "");
  recorded_now(true);
  CHECK(peers.log.take().starts_with("3 head :status=200|x=1"));
  CHECK(d.calls() == 2);
}

TEST_CASE("HTTP/2: refusals and early responses wait for their records, each stream for its own") {
  H2Peers peers(strict());
  Dialogue& d = peers.d;
  const auto recorded_now = [&](RecordNumber number) {
    d.session->recorded(number, true, d.now);
    peers.settle();
  };
  SECTION("a refusal") {
    peers.prior_knowledge();
    peers.client_codec.request(
        {{":method", "GET"}, {":scheme", "http"}, {":authority", "localhost:5380"}, {":path", "/x"}}, true);
    peers.settle();
    CHECK(peers.log.take() == "");
    CHECK(d.calls() == 1);
    recorded_now(1);
    CHECK(peers.log.take().starts_with("1 head :status=404|"));
  }
  SECTION("an early response, whose upstream wants no more") {
    peers.direct();
    peers.client_codec.request(h2_post, false);
    peers.settle();
    auto& up = peers.upstream();
    up.codec.response(1, h2_ok, false);
    up.codec.body(1, "no");
    up.codec.end(1);
    up.codec.reset_behind_body(1, http::h2_error::none);
    peers.settle();
    CHECK(peers.log.take() == "");
    CHECK(d.call(0).notes.size() == 1);
    recorded_now(1);
    CHECK(peers.log.take().starts_with("1 head :status=200|x=1"));
  }
  SECTION("two streams") {
    peers.direct();
    peers.client_codec.request(h2_get, true);
    peers.client_codec.request(h2_get, true);
    peers.settle();
    auto& up = peers.upstream();
    up.codec.response(1, h2_ok, true);
    up.codec.response(3, h2_ok, true);
    peers.settle();
    CHECK(peers.log.take() == "");
    recorded_now(2);
    CHECK(peers.log.take().starts_with("3 head "));
    recorded_now(1);
    CHECK(peers.log.take().starts_with("1 head "));
  }
  CHECK(peers.d.world.broken_rule.empty());
}
