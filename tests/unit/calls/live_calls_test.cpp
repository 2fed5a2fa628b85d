#include "calls/live_calls.h"

#include <string>
#include <vector>

#include "calls/call_tap.h"
#include "catch.h"
#include "unit/calls/heads.h"

namespace borehole::calls {

namespace {

using Kind = LiveEvent::Kind;

struct Outbox final : CallOutbox {
  void deliver(std::unique_ptr<CapturedCall> call) noexcept override { calls.push_back(std::move(*call)); }
  void missed() noexcept override {}
  std::vector<CapturedCall> calls;
};

struct Bench {
  explicit Bench(CaptureOptions options = {}, std::size_t max_bytes = std::size_t{1} << 20)
      : live(max_bytes), source(outbox, std::make_shared<const CaptureOptions>(std::move(options)), clock, &live) {}

  std::unique_ptr<Tap> streaming() {
    ExchangeStart start;
    start.upstream_host = "bedrock-runtime.us-east-1.amazonaws.com";
    auto tap = source.begin(start, t0);
    tap->on_request_head(request_head("POST /model/m/converse-stream?X-Amz-Signature=abc HTTP/1.1\r\nHost: h\r\n"
                                      "Authorization: Bearer very-secret\r\nContent-Length: 2\r\n\r\n"),
                         t0);
    tap->on_response_head(response_head("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n" +
                                        coding + "Transfer-Encoding: chunked\r\n\r\n"),
                          t0);
    return tap;
  }

  std::vector<LiveEvent> taken() {
    std::vector<LiveEvent> events;
    live.take(events);
    return events;
  }

  std::string coding;
  SystemClock clock;
  Outbox outbox;
  LiveCalls live;
  CallTapSource source;
  TimePoint t0{};
};

}  // namespace

TEST_CASE("nothing is copied for nobody") {
  Bench bench;
  auto tap = bench.streaming();
  tap->on_response_body("abc", bench.t0);
  tap->on_finished(Outcome::complete, nullptr, 200, bench.t0);
  tap.reset();
  CHECK(bench.taken().empty());
  CHECK(bench.live.dropped() == 0);
}

TEST_CASE("who looks on gets what comes, without secrets, and once what came before") {
  Bench bench;
  int wakes = 0;
  auto earlier = bench.streaming();
  earlier->on_response_body("abc", bench.t0);
  bench.live.begin([&] { ++wakes; });
  auto tap = bench.streaming();
  tap->on_response_body("one", bench.t0);
  tap->on_response_body("two", bench.t0);
  auto events = bench.taken();
  CHECK(wakes == 1);
  REQUIRE(events.size() == 3);
  CHECK(events[0].kind == Kind::started);
  CHECK(events[0].start->target == "/model/m/converse-stream?X-Amz-Signature=***");
  CHECK(events[0].start->no_text.empty());
  CHECK(events[1].kind == Kind::octets);
  CHECK(events[1].text == "one");
  CHECK(events[1].offset == 0);
  CHECK(events[2].text == "two");
  CHECK(events[2].offset == 3);

  earlier->on_response_body("def", bench.t0);
  earlier->on_response_body("ghi", bench.t0);
  events = bench.taken();
  REQUIRE(events.size() == 3);
  CHECK(events[0].kind == Kind::started);
  CHECK(events[1].text == "abcdef");
  CHECK(events[1].offset == 0);
  CHECK(events[2].text == "ghi");
  CHECK(events[2].offset == 6);

  // Another one who looks on knows nothing yet.
  bench.live.end();
  tap->on_response_body("unseen", bench.t0);
  CHECK(bench.taken().empty());
  bench.live.begin([] {});
  tap->on_response_body("!", bench.t0);
  events = bench.taken();
  REQUIRE(events.size() == 2);
  CHECK(events[1].text == "onetwounseen!");
}

TEST_CASE("a tap that leaves no record says so") {
  Bench bench;
  bench.live.begin([] {});
  bench.streaming().reset();
  const auto events = bench.taken();
  REQUIRE(events.size() == 2);
  CHECK(events[1].kind == Kind::gone);
  CHECK(events[1].id == events[0].id);
}

TEST_CASE("text stays away where the record hides some of it or keeps none") {
  const auto kinds = [](Bench& bench) {
    bench.live.begin([] {});
    auto tap = bench.streaming();
    tap->on_response_body("abc", bench.t0);
    tap->on_finished(Outcome::complete, nullptr, 200, bench.t0);
    return bench.taken();
  };
  CaptureOptions hidden;
  hidden.live_text_off = "record.redact hides parts of bodies";
  Bench first(hidden);
  auto events = kinds(first);
  REQUIRE(events.size() == 1);
  CHECK(events[0].start->no_text == hidden.live_text_off);
  CaptureOptions none;
  none.body_max_bytes = 0;
  Bench second(none);
  events = kinds(second);
  REQUIRE(events.size() == 1);
  CHECK_FALSE(events[0].start->no_text.empty());
}

TEST_CASE("octets of a compressed answer come with their codings") {
  for (const auto& [field, names] : std::vector<std::pair<std::string, std::string>>{
           {"", ""},
           {"Content-Encoding: identity\r\n", ""},
           {"Content-Encoding: GZip\r\nContent-Encoding: br\r\n", "gzip, br"},
           {"Content-Encoding: compress\r\n", "compress"}}) {
    Bench bench;
    bench.coding = field;
    bench.live.begin([] {});
    auto tap = bench.streaming();
    tap->on_response_body("abc", bench.t0);
    const auto events = bench.taken();
    REQUIRE(events.size() == 2);
    CHECK(events[1].text == "abc");
    CHECK((events[1].codings ? events[1].codings->names : "") == names);
    CHECK((!events[1].codings || events[1].codings->usable == (names != "compress")));
  }
}

TEST_CASE("a queue that nobody empties takes its bound, counts the rest, and the record is whole") {
  Bench bench({}, 64 * 1024);
  bench.live.begin([] {});
  auto tap = bench.streaming();
  const std::string piece(4096, 'x');
  for (int i = 0; i < 100; ++i) tap->on_response_body(piece, bench.t0);
  tap->on_finished(Outcome::complete, nullptr, 200, bench.t0);
  CHECK(bench.live.dropped() > 80);
  std::size_t cost = 0;
  for (const auto& event : bench.taken()) cost += event.cost();
  CHECK(cost <= 64 * 1024);
  REQUIRE(bench.outbox.calls.size() == 1);
  CHECK(bench.outbox.calls[0].record.response.body.size() == 100 * piece.size());
}

TEST_CASE("the sink tells a record's figures, and nothing for nobody") {
  LiveCalls live;
  const auto sink = make_live_sink(live);
  CallRecord record;
  record.id = "01K0000000000000000000000A";
  record.response.status = 200;
  record.response.body = "never told";
  record.usage.input_tokens = 11;
  REQUIRE(sink->write({record}));
  std::vector<LiveEvent> events;
  live.take(events);
  CHECK(events.empty());
  live.begin([] {});
  REQUIRE(sink->write({record}));
  live.take(events);
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == Kind::ended);
  CHECK(events[0].text.find("\"input_tokens\":11") != std::string::npos);
  CHECK(events[0].text.find("\"cost_usd\":null") != std::string::npos);
  CHECK(events[0].text.find("never told") == std::string::npos);
}

}  // namespace borehole::calls
