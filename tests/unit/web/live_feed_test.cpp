#include "web/live_feed.h"

#include <string>

#include "../net/net_fixture.h"
#include "catch.h"
#include "unit/bedrock/frames.h"
#include "unit/http/compressed.h"

using namespace borehole;
using calls::LiveEvent;
using net::test::TestLoop;

namespace {

struct Bench {
  explicit Bench(web::LiveFeed::Limits limits = {}) : feed(test.loop, live, limits) {}

  // Posts, and waits until `client` is told of it.
  template <class Post>
  std::string told(web::BodyStream& client, Post&& post) {
    client.on_more = [this] { test.stop(); };
    post();
    REQUIRE(test.run());
    client.on_more = nullptr;
    return client.take();
  }

  void started(const std::string& id, const std::string& no_text = {}) {
    LiveEvent event;
    event.id = id;
    auto start = std::make_shared<LiveEvent::Start>();
    start->method = "POST";
    start->target = "/model/amazon.nova-lite-v1%3A0/converse-stream";
    start->upstream_host = "bedrock-runtime.us-east-1.amazonaws.com";
    start->no_text = no_text;
    event.start = start;
    live.post(event);
  }
  void octets(const std::string& id, const std::string& text, std::uint64_t offset,
              bedrock::StreamFormat format = bedrock::StreamFormat::event_stream, const std::string& coding = {}) {
    LiveEvent event;
    event.kind = LiveEvent::Kind::octets;
    event.id = id;
    event.text = text;
    event.offset = offset;
    event.format = format;
    if (!coding.empty()) {
      auto codings = std::make_shared<http::ContentCodings>();
      codings->add(coding);
      event.codings = std::move(codings);
    }
    live.post(event);
  }
  void ended(const std::string& id) {
    LiveEvent event;
    event.kind = LiveEvent::Kind::ended;
    event.id = id;
    event.text = "{\"id\":\"" + id + "\"}";
    live.post(event);
  }

  TestLoop test;
  calls::LiveCalls live;
  web::LiveFeed feed;
};

std::string words(const std::string& text) {
  return bedrock::event_frame("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":")" + text + "\"}}");
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("a call is told from its start to its end, its words as they come") {
  Bench bench;
  CHECK(bench.live.watch() == 0);
  auto client = bench.feed.look_on();
  REQUIRE(client);
  CHECK(bench.live.watch() != 0);
  client->take();
  auto text = bench.told(*client, [&] { bench.started("A"); });
  CHECK(text.starts_with("event: call_started\ndata: {\"id\":\"A\""));
  CHECK(count(text, R"("operation":"ConverseStream","model_id":"amazon.nova-lite-v1:0","region":"us-east-1")") == 1);
  const std::string first = words("Bore");
  const std::string second = words("hole");
  text = bench.told(*client, [&] { bench.octets("A", first + second.substr(0, 20), 0); });
  CHECK(text == "event: delta\ndata: {\"id\":\"A\",\"block\":0,\"kind\":\"text\",\"name\":null,\"text\":\"Bore\"}\n\n");
  text = bench.told(*client, [&] { bench.octets("A", second.substr(20), first.size() + 20); });
  CHECK(count(text, "\"text\":\"hole\"") == 1);

  // Whoever comes later is told what there was.
  auto later = bench.feed.look_on();
  CHECK(count(later->take(), "\"text\":\"Borehole\"") == 1);
  text = bench.told(*client, [&] { bench.ended("A"); });
  CHECK(text == "event: call_ended\ndata: {\"id\":\"A\"}\n\n");
  CHECK(bench.feed.look_on()->take().find("call_started") == std::string::npos);

  // Nobody is left: nothing is copied any more.
  client.reset();
  later.reset();
  bench.test.loop.run();  // nothing waits
  auto again = bench.feed.look_on();
  REQUIRE(again);
}

TEST_CASE("text/event-stream is told as well") {
  Bench bench;
  auto client = bench.feed.look_on();
  bench.started("A");
  const auto text = bench.told(*client, [&] {
    bench.octets("A",
                 "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
                 "\"delta\":{\"type\":\"text_delta\",\"text\":\"Deep\"}}\n\n",
                 0, bedrock::StreamFormat::sse);
  });
  CHECK(count(text, "\"text\":\"Deep\"") == 1);
}

TEST_CASE("a compressed answer is told as it comes, and why where it cannot be") {
  const auto whole = bedrock::StreamFormat::event_stream;
  web::LiveFeed::Limits limits;
  limits.compressed = 2;
  limits.decoded = 5000;
  Bench bench(limits);
  auto client = bench.feed.look_on();
  std::string plain, seen;
  for (const char* word : {"Bore", "hole", " looks", " deep"}) plain += words(word);
  const std::string octets = tests::gzip(plain, 64);
  bench.started("A");
  (void)bench.told(*client, [] {});
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const bool last = i + 1 == octets.size();
    bench.octets("A", octets.substr(i, 1), i, whole, "gzip");
    if (last) seen += bench.told(*client, [] {});
  }
  CHECK(count(seen, "\"text\":\"Bore\"") == 1);
  CHECK(count(seen, "\"text\":\" deep\"") == 1);
  CHECK(count(seen, "text_lost") == 0);

  bench.started("B");
  seen = bench.told(*client, [&] { bench.octets("B", "no gzip at all", 0, whole, "gzip"); });
  CHECK(count(seen, "\"id\":\"B\",\"reason\":\"the compressed stream cannot be decoded\"") == 1);
  bench.started("C");
  seen = bench.told(*client, [&] { bench.octets("C", "x", 0, whole, "compress"); });
  CHECK(count(seen, "\"id\":\"C\",\"reason\":\"its content coding is not known\"") == 1);
  bench.started("D");
  seen = bench.told(*client, [&] { bench.octets("D", tests::gzip(words(std::string(9000, 'z'))), 0, whole, "gzip"); });
  CHECK(count(seen, "\"id\":\"D\",\"reason\":\"the answer is longer") == 1);

  // A is still there; what was given up needs no decoder.
  bench.started("E");
  seen = bench.told(*client, [&] { bench.octets("E", tests::gzip(words("fifth")), 0, whole, "gzip"); });
  CHECK(count(seen, "\"text\":\"fifth\"") == 1);
  bench.started("F");
  seen = bench.told(*client, [&] { bench.octets("F", tests::gzip(words("sixth")), 0, whole, "gzip"); });
  CHECK(count(seen, "\"id\":\"F\",\"reason\":\"too many compressed answers come at once\"") == 1);
}

TEST_CASE("a client that reads slowly misses events, is told how many, and takes no more memory") {
  web::LiveFeed::Limits limits;
  limits.waiting = 2000;
  Bench bench(limits);
  auto slow = bench.feed.look_on();
  auto quick = bench.feed.look_on();
  bench.started("A");
  std::uint64_t at = 0;
  std::string seen = bench.told(*quick, [] {});
  for (int i = 0; i < 100; ++i) {
    const std::string frame = words("word");
    seen += bench.told(*quick, [&] { bench.octets("A", frame, at); });
    at += frame.size();
  }
  CHECK(count(seen, "event: delta") == 100);
  const std::string held = slow->take();
  CHECK(held.size() <= 2000);
  const std::size_t got = count(held, "event: delta");
  CHECK(got < 100);
  (void)bench.told(*quick, [&] { bench.ended("A"); });
  CHECK(slow->take().starts_with("event: missed\ndata: {\"events\":" + std::to_string(100 - got) +
                                 "}\n\nevent: call_ended"));
}

TEST_CASE("what has a hole in it, is broken or too long is not guessed") {
  web::LiveFeed::Limits limits;
  limits.text = 100;
  Bench bench(limits);
  auto client = bench.feed.look_on();
  bench.started("A");
  std::string text = bench.told(*client, [&] { bench.octets("A", words("late"), 50); });
  CHECK(count(text, "event: text_lost\ndata: {\"id\":\"A\",\"reason\":\"some of the answer") == 1);
  CHECK(count(text, "late") == 0);
  bench.started("B");
  std::string broken = words("x");
  broken[broken.size() - 1] = static_cast<char>(broken[broken.size() - 1] ^ 1);
  text = bench.told(*client, [&] { bench.octets("B", broken, 0); });
  CHECK(count(text, "\"id\":\"B\",\"reason\":\"the stream cannot be read") == 1);
  bench.started("C");
  text = bench.told(*client, [&] { bench.octets("C", words(std::string(200, 'y')), 0); });
  CHECK(count(text, "\"id\":\"C\",\"reason\":\"the answer is longer") == 1);
  bench.started("D", "bodies are not kept");
  text = bench.told(*client, [&] { bench.octets("unknown", words("x"), 0); });
  CHECK(count(text, "\"text\":false,\"no_text\":\"bodies are not kept\"") == 1);
}

TEST_CASE("so many may look on, and all are sent away at the end") {
  web::LiveFeed::Limits limits;
  limits.clients = 2;
  Bench bench(limits);
  auto first = bench.feed.look_on();
  auto second = bench.feed.look_on();
  CHECK(bench.feed.look_on() == nullptr);
  second.reset();
  second = bench.feed.look_on();
  REQUIRE(second);
  bool told = false;
  first->on_more = [&] { told = true; };
  bench.feed.end();
  CHECK(told);
  CHECK(first->take().ends_with("event: draining\ndata: {}\n\n"));
  CHECK(first->over());
  CHECK(bench.feed.look_on() == nullptr);
  CHECK(bench.live.watch() == 0);
}
