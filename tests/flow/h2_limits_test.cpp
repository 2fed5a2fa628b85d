// HTTP/2: what a stream may take up, how long it may take, and what a client may not do.
#include <fmt/format.h>

#include "catch.h"
#include "h2_frames.h"
#include "h2_peers.h"

using namespace borehole;
using namespace borehole::proxy;
using namespace borehole::proxy::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t window = 256 * 1024;

}  // namespace

TEST_CASE("Of a hundred streams one is not read: the others finish, and it takes up one window") {
  H2Peers peers;
  peers.direct();
  for (int i = 0; i < 100; ++i) peers.client_codec.request(h2_get, true);
  peers.settle();
  const std::string body(1024 * 1024, 'b');
  const http::StreamId slow = 1;
  std::map<http::StreamId, std::size_t> got;
  for (http::StreamId id = 1; id < 200; id += 2) {
    peers.upstream().codec.response(id, h2_ok, false);
    peers.upstream().codec.body(id, body);
    peers.upstream().codec.end(id);
  }
  // Each round the client makes room for all streams but the slow one.
  for (int round = 0; round < 40; ++round) {
    peers.settle();
    for (http::StreamId id = 1; id < 200; id += 2) {
      if (id != slow) peers.client_codec.consumed(id, window);
    }
  }
  CHECK(peers.d.calls() == 99);
  // What the client has room for, what waits here, and no more.
  CHECK(body.size() - peers.upstream().codec.unsent(slow) <= 2 * window);
  peers.client_codec.consumed(slow, window);
  peers.settle();
  CHECK(body.size() - peers.upstream().codec.unsent(slow) <= 3 * window);
  peers.client_codec.consumed(slow, window);
  peers.client_codec.consumed(slow, window);
  peers.settle();
  peers.client_codec.consumed(slow, window);
  peers.settle();
  CHECK(peers.d.calls() == 100);
}

TEST_CASE("An upstream that does not read one stream stops that stream of the client alone") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_post, false);
  peers.client_codec.request(h2_post, false);
  peers.client_codec.body(1, std::string(1024 * 1024, 's'));
  peers.settle();
  CHECK(peers.client_codec.unsent(1) >= 1024 * 1024 - 2 * window);
  for (int i = 0; i < 10; ++i) {
    peers.client_codec.body(3, std::string(100'000, 'q'));
    peers.settle();
    peers.upstream().codec.consumed(3, 100'000);
    peers.settle();
  }
  CHECK(peers.client_codec.unsent(3) == 0);
}

TEST_CASE("Where the client's connection is full its upstreams are not read") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.congested(true);
  CHECK(peers.asked() == "hold leg 1\n");
  peers.forget();
  peers.congested(false);
  CHECK(peers.asked() == "resume leg 1\n");
}

TEST_CASE("An upstream that says nothing is told as 504, each stream by its own time") {
  config::Config config = gateway_config();
  config.upstream.response_timeout = std::chrono::seconds(10);
  H2Peers peers(config);
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.time_passes(6s);
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.time_passes(5s);
  CHECK(peers.log.text.starts_with("1 head :status=504|x-amzn-errortype=ModelTimeoutException|"));
  CHECK(peers.upstream().log.text.ends_with("1 reset CANCEL\n"));
  CHECK(peers.d.calls() == 1);
  peers.time_passes(5s);
  CHECK(peers.d.calls() == 2);
}

TEST_CASE("A client that never ends a request that was answered is not waited for") {
  config::Config config = gateway_config();
  config.upstream.response_timeout = std::chrono::seconds(10);
  H2Peers peers(config);
  peers.direct();
  peers.client_codec.request(h2_post, false);
  peers.settle();
  peers.upstream().codec.response(1, h2_ok, true);
  peers.settle();
  peers.time_passes(11s);
  CHECK(peers.log.text.ends_with("1 reset NO_ERROR\n"));
  CHECK(peers.d.call(0).outcome == calls::Outcome::complete);
}

TEST_CASE("A body that comes an octet now and then is given up, and other streams are not") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_post, false);
  peers.client_codec.request(h2_post, false);
  for (int second = 0; second < 31; ++second) {
    peers.client_codec.body(1, "x");
    peers.client_codec.body(3, std::string(150, 'y'));
    peers.time_passes(1s);
    peers.upstream().codec.consumed(3, 150);
  }
  CHECK(peers.log.text.starts_with(
      "1 head :status=408|x-amzn-errortype=ValidationException|borehole-error=body_timeout|"));
  CHECK(peers.log.text.ends_with("1 reset NO_ERROR\n"));
  CHECK(peers.upstream().log.text.find("1 reset CANCEL\n") != std::string::npos);
  CHECK(peers.upstream().log.text.find("3 reset") == std::string::npos);
  REQUIRE(peers.d.calls() == 1);
  CHECK(peers.d.call(0).outcome == calls::Outcome::refused);
  CHECK(peers.d.call(0).error->code == ErrorCode::body_timeout);
  CHECK(peers.d.call(0).error->detail.find("`limits.body_bytes_per_second`") != std::string::npos);
  peers.client_codec.end(3);
  peers.settle();
  peers.upstream().codec.response(3, h2_ok, true);
  peers.settle();
  CHECK(peers.d.call(1).outcome == calls::Outcome::complete);
}

TEST_CASE("A body may come as slowly as its upstream takes it, and as it likes once it is answered") {
  H2Peers peers;
  peers.direct();
  const bool answered = GENERATE(false, true);
  peers.client_codec.request(h2_post, false);
  peers.settle();
  if (answered) {
    peers.upstream().codec.response(1, h2_ok, false);
  } else {
    peers.client_codec.body(1, std::string(2 * window, 'x'));  // one window is here, and one at the upstream
  }
  for (int second = 0; second < 100; ++second) {
    peers.client_codec.body(1, "x");
    if (!answered) peers.upstream().codec.consumed(1, 1);
    peers.time_passes(1s);
  }
  CHECK(peers.d.calls() == 0);
  CHECK(!peers.d.session->over());
}

TEST_CASE("A client that takes its response an octet now and then is given up, and its other streams are not") {
  config::Config config = gateway_config();
  config.upstream.response_timeout = std::chrono::seconds(10);
  config.limits.idle_timeout = std::chrono::seconds(600);
  H2Peers peers(config);
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.client_codec.request(h2_get, true);
  peers.settle();
  for (const http::StreamId id : {1, 3}) {
    peers.upstream().codec.response(id, h2_ok, false);
    peers.upstream().codec.body(id, std::string(8 * window, 'b'));
    peers.upstream().codec.end(id);
  }
  peers.settle();
  int second = 0;
  for (; second < 60 && peers.d.calls() == 0; ++second) {
    peers.client_codec.consumed(1, 1000);
    peers.client_codec.consumed(3, 20'000);
    peers.time_passes(1s);
  }
  CHECK(second <= 11);
  REQUIRE(peers.d.calls() == 1);
  CHECK(peers.d.call(0).outcome == calls::Outcome::client_aborted);
  CHECK(peers.d.call(0).error->detail ==
        "the client took less than 128 KiB of its response within 10 s, and not all that was there "
        "(`upstream.response_timeout`)");
  CHECK(peers.log.text.find("1 reset CANCEL\n") != std::string::npos);
  CHECK(peers.upstream().log.text.find("1 reset CANCEL\n") != std::string::npos);
  for (; second < 200 && peers.d.calls() == 1; ++second) {
    peers.client_codec.consumed(3, 20'000);
    peers.time_passes(1s);
  }
  CHECK(peers.d.call(1).outcome == calls::Outcome::complete);
}

TEST_CASE("A field of a request may be so long, and one that is longer resets nothing but its stream") {
  config::Config config = gateway_config();
  config.limits.header_line_bytes = 1024;
  H2Peers peers(config);
  peers.direct();
  for (const std::size_t size : {1023, 1024}) {
    http::H2Fields fields = h2_get;
    fields.push_back({"x", std::string(size, 'y')});
    peers.client_codec.request(fields, true);
  }
  peers.settle();
  CHECK(peers.log.text.starts_with(
      "3 head :status=431|x-amzn-errortype=ValidationException|borehole-error=head_too_large|"));
  CHECK(peers.upstream().log.text.find("1 head") != std::string::npos);
  CHECK(peers.d.calls() == 1);
}

TEST_CASE("While more is held in all than should be a stream is refused, and those under way go on") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_post, false);
  peers.settle();
  peers.client_codec.body(1, std::string(1000, 'x'));
  peers.settle();
  CHECK(peers.d.session->held() == 0);
  peers.d.world.is_crowded = true;
  peers.client_codec.request(h2_get, true);
  peers.client_codec.body(1, "y");
  peers.client_codec.end(1);
  peers.settle();
  CHECK(peers.log.text.starts_with(
      "3 head :status=503|x-amzn-errortype=ServiceUnavailableException|borehole-error=out_of_memory|"));
  CHECK(peers.d.call(0).error->detail.find("`limits.buffered_bytes`") != std::string::npos);
  peers.upstream().codec.response(1, h2_ok, true);
  peers.settle();
  INFO(peers.log.text << peers.upstream().log.text);
  REQUIRE(peers.d.calls() == 2);
  CHECK(peers.d.call(0).outcome == calls::Outcome::complete);
  CHECK(peers.d.call(1).outcome == calls::Outcome::refused);
}

TEST_CASE("What has come and not left is counted, both ways, until its stream is over") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_post, false);
  peers.client_codec.request(h2_post, false);
  peers.settle();
  peers.client_codec.body(1, std::string(3 * window, 'x'));
  peers.settle();
  CHECK(peers.d.session->held() == window);  // another one is at the upstream
  peers.upstream().codec.response(3, h2_ok, false);
  peers.upstream().codec.body(3, std::string(3 * window, 'x'));
  peers.settle();
  CHECK(peers.d.session->held() == 2 * window);
  peers.client_codec.reset(1, http::h2_error::cancel);
  peers.settle();
  CHECK(peers.d.session->held() == window);
  for (int i = 0; i < 3; ++i) {
    peers.client_codec.consumed(3, window);
    peers.settle();
  }
  CHECK(peers.d.session->held() == 0);
}

TEST_CASE("A connection is ended behind as many streams as it may carry, and those under way finish") {
  config::Config config = gateway_config();
  config.limits.requests_per_connection = 3;
  H2Peers peers(config);
  peers.direct();
  for (int i = 0; i < 5; ++i) peers.client_codec.request(h2_get, true);
  peers.settle();
  CHECK(peers.log.text.find("goaway 5 NO_ERROR \n") != std::string::npos);
  CHECK(peers.d.world.notices[Notice::h2_stream] == 3);
  for (const http::StreamId id : {5, 1, 3}) {
    CHECK(!peers.d.session->over());
    peers.upstream().codec.response(id, h2_ok, true);
    peers.settle();
  }
  CHECK(peers.d.session->over());
  CHECK(peers.d.world.clean);
  CHECK(peers.d.calls() == 3);
}

TEST_CASE("A connection without calls is ended with GOAWAY") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.upstream().codec.response(1, h2_ok, true);
  peers.settle();
  peers.log.take();
  peers.time_passes(119s);
  CHECK(!peers.d.session->over());
  peers.time_passes(2s);
  CHECK(peers.log.take() == "goaway 1 NO_ERROR \n");
  CHECK(peers.d.session->over());
}

TEST_CASE("A client that says nothing in its TLS is ended") {
  H2Peers peers;
  peers.direct();  // its codec has spoken: a second session, which has not
  Dialogue silent;
  silent.now = peers.d.now;
  silent.session->received(client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", silent.now);
  silent.world.asked.clear();
  time_passes(121s).run(silent);
  CHECK(silent.session->over());
  silent.world.asked.clear();
}

TEST_CASE("A client that resets its streams at once is ended (CVE-2023-44487)") {
  H2Peers peers;
  peers.direct();
  int opened = 0;
  for (; opened < 1000 && !peers.d.session->over(); ++opened) {
    const http::StreamId id = peers.client_codec.request(h2_get, true);
    if (id == 0) break;
    peers.settle();
    peers.client_codec.reset(id, http::h2_error::cancel);
    peers.settle();
  }
  CHECK(peers.d.session->over());
  CHECK(opened < 300);
  CHECK(peers.log.text.find("ENHANCE_YOUR_CALM") != std::string::npos);
  CHECK(peers.d.world.notices[Notice::h2_flood] == 1);
  CHECK(peers.d.calls() == static_cast<std::size_t>(peers.d.world.notices[Notice::h2_stream]));
}

TEST_CASE("A client that cancels now and then is not") {
  H2Peers peers;
  peers.direct();
  for (int i = 0; i < 1000; ++i) {
    const http::StreamId id = peers.client_codec.request(h2_get, true);
    peers.settle();
    peers.client_codec.reset(id, http::h2_error::cancel);
    peers.time_passes(100ms);
  }
  CHECK(!peers.d.session->over());
  CHECK(peers.d.calls() == 1000);
}

TEST_CASE("A client that floods with frames that move nothing is ended") {
  using namespace http::test;
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_post, false);
  peers.settle();
  std::string some;
  SECTION("PING") { some = frame(ping, 0, 0, "12345678"); }
  SECTION("SETTINGS (CVE-2019-9515)") { some = frame(settings, 0, 0); }
  SECTION("empty DATA (CVE-2019-9518)") { some = frame(data, 0, 1); }
  SECTION("PRIORITY") { some = frame(priority, 0, 1, u32(0) + "x"); }
  SECTION("PRIORITY_UPDATE") { some = frame(priority_update, 0, 0, u32(1) + "u=1"); }
  for (int i = 0; i < 2000 && !peers.d.session->over(); ++i) peers.d.session->received(client, some, peers.d.now);
  CHECK(peers.d.session->over());
  CHECK(peers.d.world.notices[Notice::h2_flood] == 1);
  CHECK(peers.d.call(0).outcome == calls::Outcome::client_aborted);
}

TEST_CASE("A malformed request is recorded and resets its stream alone") {
  using namespace http::test;
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  const std::string fields = block({{":method", "GET"},
                                    {":scheme", "https"},
                                    {":authority", bedrock_host},
                                    {":path", "/"},
                                    {"connection", "close"}});
  peers.d.session->received(client, frame(headers, end_headers | end_stream, 3, fields), peers.d.now);
  CHECK(peers.d.call(0).outcome == calls::Outcome::refused);
  CHECK(peers.d.call(0).error->code == ErrorCode::malformed_request);
  CHECK(peers.d.world.notices[Notice::h2_malformed] == 1);
  CHECK(!peers.d.session->over());
  CHECK(peers.upstream().log.text.find("3 head") == std::string::npos);
}

TEST_CASE("Octets that are no HTTP/2 end the connection with its calls recorded") {
  using namespace http::test;
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.d.session->received(client, frame(window_update, 0, 0, u32(0)), peers.d.now);
  CHECK(peers.d.session->over());
  CHECK(peers.d.call(0).outcome == calls::Outcome::client_aborted);
  CHECK(peers.d.world.notices[Notice::h2_malformed] == 1);
}

TEST_CASE("An upstream that breaks HTTP/2 fails its calls and leaves the client's connection") {
  using namespace http::test;
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.d.session->leg_received(1, frame(window_update, 0, 0, u32(0)), peers.d.now);
  peers.settle();
  CHECK(peers.log.text.starts_with("1 head :status=502|"));
  CHECK(peers.d.call(0).outcome == calls::Outcome::upstream_failed);
  CHECK(!peers.d.session->over());
}
