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
constexpr std::size_t step = 16 * 1024;
const http::H2Field events{"content-type", "application/vnd.amazon.eventstream"};

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

TEST_CASE("A body may come as slowly as its upstream takes it") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_post, false);
  peers.settle();
  peers.client_codec.body(1, std::string(2 * window, 'x'));  // one window is here, and one at the upstream
  for (int second = 0; second < 100; ++second) {
    peers.client_codec.body(1, "x");
    peers.upstream().codec.consumed(1, 1);
    peers.time_passes(1s);
  }
  CHECK(peers.d.calls() == 0);
  CHECK(!peers.d.session->over());
}

TEST_CASE("A body that comes an octet now and then while it is answered is given up, and other streams are not") {
  H2Peers peers;
  peers.direct();
  const bool answered_whole = GENERATE(false, true);
  http::H2Fields post = h2_post;
  SECTION("of no stated type") {}
  SECTION("of events, and answered with none") { post.push_back(events); }
  peers.client_codec.request(post, false);
  peers.client_codec.request(h2_post, false);
  peers.settle();
  peers.upstream().codec.response(1, h2_ok, answered_whole);
  peers.upstream().codec.response(3, h2_ok, false);
  for (int second = 0; second < 31; ++second) {
    peers.client_codec.body(1, "x");
    peers.client_codec.body(3, std::string(150, 'y'));
    peers.time_passes(1s);
    peers.upstream().codec.consumed(3, 150);
  }
  CHECK(peers.upstream().log.text.find("1 reset CANCEL\n") != std::string::npos);
  CHECK(peers.upstream().log.text.find("3 reset") == std::string::npos);
  REQUIRE(peers.d.calls() == 1);
  const Seen& call = peers.d.call(0);
  if (answered_whole) {  // it is not the answer that fails
    CHECK(peers.log.text.ends_with("1 reset NO_ERROR\n"));
    CHECK(call.outcome == calls::Outcome::complete);
    return;
  }
  CHECK(peers.log.text.ends_with("1 reset CANCEL\n"));
  CHECK(call.outcome == calls::Outcome::client_aborted);
  CHECK(call.error->code == ErrorCode::client_aborted);
  CHECK(call.error->detail.find("`limits.body_bytes_per_second`") != std::string::npos);
}

TEST_CASE(
    "Where both sides send events, or gRPC, the client may say as little as it likes, and be silent for a while") {
  config::Config config = gateway_config();
  config.upstream.response_timeout = 300s;
  H2Peers peers(config);
  peers.direct();
  const bool grpc = GENERATE(false, true);
  const http::H2Field type = grpc ? http::H2Field{"content-type", "application/grpc+proto"} : events;
  http::H2Fields post = h2_post, ok = h2_ok;
  post.push_back(type);
  ok.push_back(type);
  peers.client_codec.request(post, false);
  peers.settle();
  peers.upstream().codec.response(1, ok, false);
  for (int second = 0; second < 100; ++second) {
    peers.client_codec.body(1, "x");
    peers.time_passes(1s);
  }
  peers.time_passes(299s);
  CHECK(peers.d.calls() == 0);
  peers.upstream().codec.body(1, "y");
  peers.settle();
  peers.time_passes(299s);
  CHECK(peers.d.calls() == 0);
  peers.time_passes(2s);  // for which neither has said anything
  REQUIRE(peers.d.calls() == 1);
  CHECK(peers.d.call(0).error->code == ErrorCode::response_timeout);
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

TEST_CASE("A response has so many fields, and a field of it so many octets") {
  config::Config config = gateway_config();
  config.limits.header_fields = 5;
  config.limits.header_line_bytes = 256;
  H2Peers peers(config);
  peers.direct();
  const int status = GENERATE(200, 103);
  const auto answer = [&](http::StreamId id, const http::H2Fields& more) {
    peers.client_codec.request(h2_get, true);
    peers.settle();
    http::H2Fields fields{{":status", std::to_string(status)}};
    fields.insert(fields.end(), more.begin(), more.end());
    status < 200 ? peers.upstream().codec.informational(id, fields) : peers.upstream().codec.response(id, fields, true);
    peers.settle();
    return peers.log.take();
  };
  CHECK(answer(1, http::H2Fields(20, {"x", "y"})).starts_with(fmt::format("1 head :status={}|x=y|", status)));
  CHECK(answer(3, {{"x", std::string(1023, 'y')}}).starts_with(fmt::format("3 head :status={}|x=y", status)));
  const std::string refused =
      "head :status=502|x-amzn-errortype=ServiceUnavailableException|borehole-error=malformed_response|";
  CHECK(answer(5, http::H2Fields(21, {"x", "y"})).starts_with("5 " + refused));
  CHECK(answer(7, {{"x", std::string(1024, 'y')}}).starts_with("7 " + refused));
  if (status < 200) CHECK(peers.upstream().log.text.find("7 reset PROTOCOL_ERROR\n") != std::string::npos);
  const std::size_t first = status < 200 ? 0 : 2;
  CHECK(peers.d.call(first).error->detail.find("more than 20 fields (`limits.header_fields`)") != std::string::npos);
  CHECK(peers.d.call(first + 1).error->detail.find("longer than 1024 octets (`limits.header_line_bytes`)") !=
        std::string::npos);
  CHECK(peers.d.call(first).outcome == calls::Outcome::upstream_failed);
}

TEST_CASE("Trailers that are larger than a head may be end their stream alone, once") {
  config::Config config = gateway_config();
  config.limits.head_bytes = 4096;
  H2Peers peers(config);
  peers.direct();
  const bool answered = GENERATE(false, true);
  const http::StreamId id = peers.client_codec.request(h2_post, false);
  peers.client_codec.body(id, "body");
  peers.settle();
  if (answered) peers.upstream().codec.response(id, h2_ok, false);
  peers.settle();
  peers.client_codec.trailers(id, {{"x", std::string(5000, 'y')}});
  peers.settle();
  CHECK(peers.upstream().log.text.find("1 reset CANCEL\n") != std::string::npos);
  CHECK(peers.upstream().log.text.find("trailers") == std::string::npos);
  REQUIRE(peers.d.calls() == 1);
  CHECK(peers.d.witness.seen.size() == 1);
  if (!answered) {
    CHECK(peers.log.text.starts_with("1 head :status=431|"));
    CHECK(peers.d.call(0).error->code == ErrorCode::head_too_large);
  } else {
    CHECK(peers.log.text.ends_with("1 reset CANCEL\n"));
    CHECK(peers.d.call(0).outcome == calls::Outcome::client_aborted);
  }
  CHECK(!peers.d.session->over());
}

TEST_CASE("A response whose trailers are larger than a head may be is cut") {
  config::Config config = gateway_config();
  config.limits.head_bytes = 4096;
  H2Peers peers(config);
  peers.direct();
  peers.client_codec.request(h2_get, true);
  peers.settle();
  peers.upstream().codec.response(1, h2_ok, false);
  peers.upstream().codec.body(1, "body");
  peers.upstream().codec.trailers(1, {{"x", std::string(5000, 'y')}});
  peers.settle();
  CHECK(peers.log.text == "1 head :status=200|x=1\n1 body body\n1 reset INTERNAL_ERROR\n");
  CHECK(peers.d.call(0).outcome == calls::Outcome::upstream_failed);
  CHECK(peers.d.call(0).error->code == ErrorCode::upstream_broke);
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

TEST_CASE("While more is held in all than should be, messages go on in small steps, and as before when there is room") {
  H2Peers peers;
  peers.direct();
  peers.client_codec.request(h2_post, false);
  peers.settle();
  peers.d.world.is_crowded = true;
  const bool up = GENERATE(true, false);
  if (!up) peers.upstream().codec.response(1, h2_ok, false);
  http::H2Codec& writer = up ? peers.client_codec : peers.upstream().codec;
  http::H2Codec& reader = up ? peers.upstream().codec : peers.client_codec;
  const std::size_t size = 1024 * 1024;
  writer.body(1, std::string(size, 'x'));
  peers.settle();
  CHECK(peers.d.session->held() <= step);
  CHECK(writer.unsent(1) >= size - window - step);
  std::size_t most = 0;
  SECTION("until all has come") {
    for (int i = 0; i < 100 && writer.unsent(1) > 0; ++i) {
      reader.consumed(1, window / 2);
      peers.settle();
      most = std::max(most, peers.d.session->held());
    }
    CHECK(writer.unsent(1) == 0);
    CHECK(most <= step);
  }
  SECTION("until there is room") {
    peers.d.world.is_crowded = false;
    reader.consumed(1, window / 2);
    peers.settle();
    CHECK(peers.d.session->held() == window);
  }
}

TEST_CASE("While more is held in all than should be, one connection's streams bring 4 MiB at most") {
  H2Peers peers;
  peers.direct();
  for (int i = 0; i < 40; ++i) peers.client_codec.request(h2_post, false);
  peers.settle();
  peers.d.world.is_crowded = true;
  peers.d.session->leg_congested(1, peers.d.now);
  for (http::StreamId id = 1; id < 80; id += 2) {
    peers.client_codec.body(id, std::string(window, 'x'));
    peers.client_codec.end(id);
  }
  peers.settle();
  CHECK(peers.d.session->held() <= 4 * 1024 * 1024);
  SECTION("and go on as their upstream takes them") {
    peers.d.session->leg_drained(1, peers.d.now);
    peers.settle();
  }
  SECTION("and go on when there is room") {
    peers.d.world.is_crowded = false;
    peers.time_passes(1s);
    peers.d.session->leg_congested(1, peers.d.now);  // any event
    peers.client_codec.reset(1, http::h2_error::cancel);
    peers.settle();
    CHECK(peers.d.session->held() > 8 * 1024 * 1024);
    peers.d.session->leg_drained(1, peers.d.now);
    peers.settle();
  }
  for (http::StreamId id = 1; id < 80; id += 2) CHECK(peers.client_codec.unsent(id) == 0);
  CHECK(peers.d.session->held() == 0);
}

TEST_CASE(
    "A stream that others keep from sending while room is scarce is not given up for it, and goes on behind them") {
  H2Peers peers;
  peers.direct();
  for (int i = 0; i < 17; ++i) peers.client_codec.request(h2_post, false);
  peers.settle();
  peers.d.world.is_crowded = true;
  peers.d.session->leg_congested(1, peers.d.now);
  for (http::StreamId id = 1; id < 32; id += 2) peers.client_codec.body(id, std::string(window, 'x'));
  peers.settle();
  peers.client_codec.body(33, std::string(1000, 'y'));
  peers.settle();
  REQUIRE(peers.client_codec.unsent(33) > 0);
  peers.time_passes(121s);
  CHECK(peers.d.calls() == 16);
  CHECK(peers.client_codec.unsent(33) == 0);
  peers.d.session->leg_drained(1, peers.d.now);
  peers.upstream().codec.response(33, h2_ok, false);
  peers.upstream().codec.end(33);
  peers.client_codec.end(33);
  peers.settle();
  REQUIRE(peers.d.calls() == 17);
  CHECK(peers.d.call(16).outcome == calls::Outcome::complete);
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
  CHECK(peers.d.world.notices[Notice::h2_stream_behind_goaway] == 2);
  for (const http::StreamId id : {5, 1, 3}) {
    CHECK(!peers.d.session->over());
    peers.upstream().codec.response(id, h2_ok, true);
    peers.settle();
  }
  CHECK(peers.d.session->over());
  CHECK(peers.d.world.clean);
  CHECK(peers.d.calls() == 3);
}

TEST_CASE("Streams that are not taken are counted, and have no record") {
  using namespace http::test;
  const auto get = [](http::StreamId id) {
    return frame(headers, end_headers | end_stream, static_cast<std::uint32_t>(id),
                 block({{":method", "GET"}, {":scheme", "https"}, {":authority", bedrock_host}, {":path", "/"}}));
  };
  SECTION("behind GOAWAY") {
    H2Peers peers;
    peers.direct();
    peers.client_codec.request(h2_get, true);
    peers.settle();
    peers.d.session->shut_down(peers.d.now);
    peers.d.session->received(client, get(3) + get(5) + frame(headers, end_headers | end_stream, 5, ""), peers.d.now);
    peers.settle();
    CHECK(peers.d.world.notices[Notice::h2_stream] == 1);
    CHECK(peers.d.world.notices[Notice::h2_stream_behind_goaway] == 2);
    CHECK(peers.upstream().log.text.find("3 head") == std::string::npos);
    CHECK(peers.d.witness.seen.size() == 1);
  }
  SECTION("over the number that there may be at a time") {
    config::Config config = gateway_config();
    config.limits.h2_streams = 2;
    Dialogue d(config);
    d.session->received(client, std::string(preface) + frame(settings, 0, 0) + get(1) + get(3) + get(5), d.now);
    CHECK(d.world.notices[Notice::h2_stream] == 2);
    CHECK(d.world.notices[Notice::h2_stream_over_limit] == 1);
    CHECK(d.world.notices[Notice::h2_malformed] == 0);
    CHECK(d.witness.seen.size() == 2);
    CHECK(!d.session->over());
    const auto said = frames_of(d.world.to_client);
    CHECK(std::count_if(said.begin(), said.end(), [](const Frame& one) {
            return one.type == rst_stream && one.stream == 5 && one.payload == u32(http::h2_error::refused_stream);
          }) == 1);
    d.world.asked.clear();
  }
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
