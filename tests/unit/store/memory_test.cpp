// Memory that runs out, at each allocation in turn: a call has its whole record, or is counted; nothing ends the
// program, and what comes later is recorded.
#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "calls/call_tap.h"
#include "calls/record_json.h"
#include "catch.h"
#include "http/head_indexer.h"
#include "store/call_store.h"
#include "store/recorder.h"
#include "unit/lack_of_memory.h"
#include "unit/store/scratch.h"

namespace borehole::store {

namespace {

using test::Lack;
using test::ran_out;

// This thread's memory.
void run_short_here(Lack kind, long nth) {
  test::this_thread_lacks = true;
  test::run_short(kind, nth);
}
void plenty() {
  test::plenty();
  test::this_thread_lacks = false;
}

class StillClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return {}; }
  WallTime wall() const noexcept override { return at_second(0); }
};

struct Outbox final : calls::CallOutbox {
  Outbox() { delivered.reserve(1); }
  void deliver(std::unique_ptr<calls::CapturedCall> call) noexcept override { delivered.push_back(std::move(*call)); }
  void missed() noexcept override { ++missing; }
  std::vector<calls::CapturedCall> delivered;
  int missing = 0;
};

const std::string secret = "IQoJb3JpZ2luX2VjEAoaCXVzLWVhc3QtMSJH/secret+token==";

// A refused call, whose answer quotes what was to be signed. All that is not the tap's own is made before.
struct Exchange {
  http::RequestHead head = http::HeadIndexer::request(
      "POST /model/m/invoke HTTP/1.1\r\nHost: bedrock-runtime.us-east-1.amazonaws.com\r\nX-Amz-Security-Token: " +
      secret +
      "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-west-2/bedrock/aws4_request, "
      "SignedHeaders=host;x-amz-security-token, Signature=00\r\nContent-Length: 2\r\n\r\n");
  http::ResponseHead response = http::HeadIndexer::response("HTTP/1.1 403 Forbidden\r\nContent-Length: 90\r\n\r\n");
  std::string body = "you should have signed: " + secret;
  std::string note = "a note that is too long to need no memory";
  calls::ExchangeStart start;
  calls::UpstreamFacts facts{"192.0.2.7:443", false, "TLSv1.3", "http/1.1", {}, {}};

  Exchange() {
    start.upstream_host = "bedrock-runtime.us-east-1.amazonaws.com";
    start.upstream_port = 443;
  }
  void play(calls::CallTapSource& source) {
    const auto tap = source.begin(start, {});
    if (!tap) return;
    tap->on_request_head(head, {});
    tap->on_upstream(facts, {});
    tap->on_sent_head(head.raw(), {});
    tap->on_request_body("{}", {});
    tap->on_request_complete({});
    tap->on_response_head(response, {});
    tap->on_response_body(body, {});
    tap->on_note(std::move(note));
    tap->on_finished(calls::Outcome::complete, nullptr, 403, {});
  }
};

}  // namespace

TEST_CASE("where memory runs out while a call is captured it has a whole record, or is counted as dropped",
          "[memory]") {
  const StillClock clock;
  const auto options = std::make_shared<const calls::CaptureOptions>();
  const auto text_of = [](calls::CapturedCall& captured) {
    calls::decode(captured);
    captured.record.id = "the id";
    return calls::to_json(captured.record);
  };
  Outbox untroubled;
  calls::CallTapSource sound(untroubled, options, clock);
  Exchange().play(sound);
  REQUIRE(untroubled.delivered.size() == 1);
  const std::string wanted = text_of(untroubled.delivered[0]);
  REQUIRE(wanted.find(secret) == std::string::npos);
  REQUIRE(wanted.find("you should have signed") != std::string::npos);

  for (const Lack kind : {Lack::once, Lack::from_then_on}) {
    int dropped = 0, cut = 0;
    long nth = 0;
    for (;; ++nth) {
      Outbox outbox;
      calls::CallTapSource source(outbox, options, clock);
      Exchange exchange;
      run_short_here(kind, nth);
      exchange.play(source);
      plenty();
      INFO("allocation " << nth);
      REQUIRE(outbox.missing + static_cast<int>(outbox.delivered.size()) == 1);
      dropped += outbox.missing;
      if (outbox.missing == 0) {
        const bool truncated =
            outbox.delivered[0].record.response.body_truncated || outbox.delivered[0].record.request.body_truncated;
        const std::string text = text_of(outbox.delivered[0]);
        CHECK(text.find(secret) == std::string::npos);
        cut += truncated ? 1 : 0;
        if (!truncated) CHECK(text == wanted);
      }
      if (!ran_out) break;
      REQUIRE(nth < 2000);
    }
    CHECK(nth > 20);
    CHECK(dropped > 20);
    if (kind == Lack::once) CHECK(cut > 0);
  }
}

namespace {

// What there is much to decode and write of.
void give_words(calls::CapturedCall& call) {
  call.target = "/model/us.anthropic.claude-3-haiku-20240307-v1%3A0/converse";
  auto& request = call.record.request;
  auto& response = call.record.response;
  for (int i = 0; i < 8; ++i) {
    request.headers.emplace_back("x-header-of-the-request", std::string(40, 'v'));
    response.headers.emplace_back("x-amzn-requestid", std::string(40, 'r'));
    call.record.notes.push_back("a note that is too long to need no memory");
  }
  response.headers.emplace_back("content-type", "application/json");
  request.body = R"({"messages":[{"role":"user","content":[{"text":")" + std::string(20'000, 'q') + R"("}]}]})";
  response.body = R"({"output":{"message":{"role":"assistant","content":[{"text":")" + std::string(20'000, 'a') +
                  R"("}]}},"stopReason":"end_turn_for_a_reason","usage":{"inputTokens":1,"outputTokens":2}})";
}

// Writes what it is given to the store; from then on its thread, the recorder's, has so little memory.
class ThenShort final : public calls::Sink {
 public:
  ThenShort(std::unique_ptr<CallStoreWriter> store, Lack kind, long nth)
      : store_(std::move(store)), kind_(kind), nth_(nth) {}
  Result<void> write(const std::vector<calls::CallRecord>& batch) override {
    auto done = store_->write(batch);
    if (std::exchange(first_, false)) run_short_here(kind_, nth_);
    return done;
  }
  Result<void> tend(WallTime) override { return {}; }
  bool keeps() const noexcept override { return true; }

 private:
  std::unique_ptr<CallStoreWriter> store_;
  Lack kind_;
  long nth_;
  bool first_ = true;
};

}  // namespace

TEST_CASE(
    "where memory runs out while records are written they are written or counted as failed, and later ones are kept",
    "[memory]") {
  for (const Lack kind : {Lack::once, Lack::from_then_on}) {
    long nth = 0;
    std::uint64_t failures = 0;
    for (bool ran = true; ran; nth += kind == Lack::once ? 1 : 3) {
      Scratch scratch;
      const std::string path = scratch.path("calls.db");
      std::atomic<bool> short_now{false};
      RecorderCounters counters;
      {
        std::vector<std::unique_ptr<calls::Sink>> sinks;
        sinks.push_back(std::make_unique<ThenShort>(*CallStoreWriter::open(path, {}, false), kind, nth));
        Recorder recorder(std::move(sinks), {});
        for (const char* id : {"A", "B", "C"}) {
          auto captured = std::make_unique<calls::CapturedCall>();
          captured->record = record(id);
          // B's fate is settled on the recorder's thread: there is memory again.
          if (captured->record.id == "B") {
            captured->receipt = std::make_shared<calls::Receipt>([&short_now](calls::RecordFate) {
              short_now = ran_out.load();
              plenty();
            });
            give_words(*captured);  // more than there is room for from A
          }
          recorder.deliver(std::move(captured));
          recorder.flush();
        }
        counters = recorder.counters();
      }
      INFO("allocation " << nth);
      REQUIRE(counters.delivered == 3);
      REQUIRE(counters.written + counters.failed == 3);
      REQUIRE(counters.dropped == 0);
      failures += counters.failed;
      const auto reader = CallStoreReader::open(path);
      REQUIRE(reader);
      // What failed is not there, and what was written is; C is, whatever became of B.
      const auto listed = (*reader)->list({});
      REQUIRE(listed);
      CHECK(listed->size() == 3 - counters.failed);
      CHECK(std::any_of(listed->begin(), listed->end(), [](const CallSummary& one) { return one.id == "C"; }));
      ran = short_now;
      REQUIRE(nth < 3000);
    }
    CHECK(failures > 3);
  }
}

}  // namespace borehole::store
