// Exchanges of tests/data/streams against the records beside them.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "calls/captured_call.h"
#include "catch.h"
#include "unit/bedrock/frames.h"
#include "unit/calls/exchange_files.h"
#include "unit/http/compressed.h"

namespace borehole::calls {

namespace {

namespace fs = std::filesystem;

// README.md beside the exchanges says how a line becomes a message.
void add_message(std::string& body, std::size_t& last, const std::string& line) {
  if (line == "~") {
    body.resize(last + (body.size() - last) / 2);
    return;
  }
  last = body.size();
  const std::size_t blank = line.find(' ');
  const std::string name = line.substr(0, blank);
  const std::string payload = line.substr(blank + 1);
  if (name[0] == '!') {
    body += bedrock::exception_frame(name.substr(1), payload);
  } else if (name[0] == '?') {
    body += bedrock::frame(bedrock::text_header(":error-code", name.substr(1)) +
                               bedrock::text_header(":error-message", payload) +
                               bedrock::text_header(":message-type", "error"),
                           "");
  } else if (name == "chunk") {
    body += bedrock::event_frame(name, R"({"bytes":")" + bedrock::base64(payload) + R"(","p":"abcdefg"})");
  } else {
    body += bedrock::event_frame(name, payload);
  }
}

CapturedCall call_of(const fs::path& exchange) {
  std::string text = read_whole(exchange);
  CapturedCall call;
  CallRecord& record = call.record;
  record.request.method = "POST";
  record.request.target = call.target = take_line(text);
  const auto under = [&call](const char* path) { return call.target.rfind(path, 0) == 0; };
  record.upstream.host = under("/model/") || under("/openai/")   ? "bedrock-runtime.us-east-1.amazonaws.com"
                         : under("/anthropic/") || under("/v1/") ? "bedrock-mantle.us-east-1.api.aws"
                                                                 : "bedrock-agent-runtime.us-east-1.amazonaws.com";
  record.response.status = 200;
  record.response.headers = {{"Content-Type", take_line(text)}};
  take_line(text);
  std::string body;
  if (record.response.headers[0].second.rfind("text/", 0) == 0) {
    body = text;
  } else {
    for (std::size_t last = 0; !text.empty();) add_message(body, last, take_line(text));
  }
  record.response.body_bytes = body.size();
  record.response.body = std::move(body);
  return call;
}

std::vector<fs::path> exchanges() { return exchange_files("/streams", ".events"); }

const std::vector<std::string> parts{"aws/operation",
                                     "aws/model_id",
                                     "response/stream",
                                     "response/answer",
                                     "response/stop_reason",
                                     "response/guardrail_action",
                                     "response/error_type",
                                     "response/error_message",
                                     "usage",
                                     "notes"};

}  // namespace

TEST_CASE("streamed answers of every family give the records that stand beside them", "[streamed_call]") {
  REQUIRE(exchanges().size() >= 24);
  for (const fs::path& exchange : exchanges()) {
    CAPTURE(exchange);
    CapturedCall call = call_of(exchange);
    decode(call);
    check_record(call.record, exchange, parts);
  }
}

TEST_CASE("compressed streams give the same records", "[streamed_call]") {
  for (const fs::path& exchange : exchanges()) {
    CAPTURE(exchange);
    CapturedCall plain = call_of(exchange);
    const std::string body = plain.record.response.body;
    decode(plain);
    for (const std::size_t kept : {std::size_t{1} << 20, std::size_t{100}, std::size_t{0}}) {
      CAPTURE(kept);
      CapturedCall call = call_of(exchange);
      const std::string coded = tests::gzip(body, 64);
      call.record.response.headers.emplace_back("Content-Encoding", "gzip");
      call.record.response.body = coded.substr(0, kept);
      call.record.response.body_bytes = coded.size();
      call.record.response.body_truncated = coded.size() > kept;
      call.response_end.add(std::string_view(coded).substr(std::min(kept, coded.size())));
      call.body_max_bytes = kept;
      decode(call);
      const CallRecord& got = call.record;
      CHECK(got.notes == plain.record.notes);
      CHECK(got.usage.output_tokens == plain.record.usage.output_tokens);
      CHECK(got.response.stop_reason == plain.record.response.stop_reason);
      CHECK(got.response.stream->events == plain.record.response.stream->events);
      CHECK(got.response.body == body.substr(0, kept));
      CHECK(got.response.coding.octets == body.size());
      if (kept < body.size()) continue;
      for (const std::string& path : parts) {
        CAPTURE(path);
        const std::string of_coded = to_json(got);
        const std::string of_plain = to_json(plain.record);
        CHECK(json_part(bedrock::JsonDocument(of_coded), path) == json_part(bedrock::JsonDocument(of_plain), path));
      }
    }
  }
}

TEST_CASE("of a compressed stream that is damaged or not kept, what was decoded is told", "[streamed_call]") {
  CapturedCall call = call_of(BOREHOLE_TEST_DATA "/streams/anthropic.events");
  const std::string body = call.record.response.body;
  std::string coded = tests::gzip(body, 64);
  call.record.response.headers.emplace_back("Content-Encoding", "gzip");
  call.record.response.body_bytes = coded.size();
  const std::string note = "the compressed stream was not decoded to its end: usage and answer may be incomplete";
  SECTION("damaged") {
    coded[coded.size() / 2] = static_cast<char>(coded[coded.size() / 2] ^ 0x40);
    call.record.response.body = coded;
    decode(call);
    CHECK(call.record.response.body == coded);
    CHECK_FALSE(call.record.response.coding.decoded);
    CHECK(call.record.response.coding.fault == "corrupt");
  }
  SECTION("a gap in what was kept") {
    call.record.response.body = coded.substr(0, coded.size() / 2);
    call.record.response.body_truncated = true;
    call.response_end.add(std::string_view(coded).substr(coded.size() / 2 + 10));
    decode(call);
    CHECK(body.starts_with(call.record.response.body));
    CHECK(call.record.response.coding.decoded);
  }
  CHECK(call.record.response.answer->shortened);
  CHECK(call.record.response.stream->events > 2);
  CHECK_FALSE(call.record.timing_ms.output_tokens_per_second);
  CHECK(std::count(call.record.notes.begin(), call.record.notes.end(), note) == 1);
}

TEST_CASE("of a stream that is longer than what is kept, the end still tells usage and stop reason",
          "[streamed_call]") {
  for (const fs::path& exchange : exchanges()) {
    CAPTURE(exchange);
    CapturedCall whole = call_of(exchange);
    const std::string body = whole.record.response.body;
    decode(whole);
    for (std::size_t kept = 0; kept < body.size(); kept += 7) {
      CAPTURE(kept);
      CapturedCall call = call_of(exchange);
      call.record.response.body.resize(kept);
      call.record.response.body_truncated = true;
      call.response_end.add(std::string_view(body).substr(kept));
      decode(call);
      const CallRecord& got = call.record;
      REQUIRE(got.notes == whole.record.notes);
      REQUIRE(got.usage.output_tokens == whole.record.usage.output_tokens);
      REQUIRE(got.response.stop_reason == whole.record.response.stop_reason);
      REQUIRE(got.response.stream->events == whole.record.response.stream->events);
      REQUIRE(got.response.error_type == whole.record.response.error_type);
      // Content is kept of what is kept of the body, and of nothing else.
      if (kept == 0) REQUIRE((!got.response.answer || got.response.answer->content.empty()));
      if (got.response.answer) REQUIRE(got.response.answer->shortened);
    }
  }
}

TEST_CASE("a gap in the middle of a stream is told, and what follows it is found", "[streamed_call]") {
  const std::string folder = BOREHOLE_TEST_DATA "/streams/";
  for (const char* name : {"converse.events", "anthropic.events", "sse_responses.events"}) {
    CAPTURE(name);
    CapturedCall whole = call_of(folder + name);
    const std::string body = whole.record.response.body;
    decode(whole);
    CapturedCall call = call_of(folder + name);
    call.record.response.body.resize(200);
    call.record.response.body_truncated = true;
    call.response_end.add(std::string_view(body).substr(body.size() - 700));
    call.response_marks.add(body.size(), std::chrono::milliseconds(500));
    decode(call);
    const CallRecord& got = call.record;
    CHECK(got.usage.output_tokens == whole.record.usage.output_tokens);
    CHECK(got.usage.input_tokens == whole.record.usage.input_tokens);
    CHECK(got.response.stop_reason == whole.record.response.stop_reason);
    CHECK_FALSE(got.timing_ms.first_token);  // tokens after a gap are not the first
    CHECK(got.notes == std::vector<std::string>{std::to_string(body.size() - 900) +
                                                " octets of the stream were not decoded: they did not fit"});
  }
}

TEST_CASE("a checksum that is wrong is counted and named", "[streamed_call]") {
  CapturedCall call = call_of(BOREHOLE_TEST_DATA "/streams/converse.events");
  call.record.response.body[300] = static_cast<char>(call.record.response.body[300] ^ 1);
  decode(call);
  CHECK(call.record.response.stream->crc_failures == 1);
  REQUIRE(call.record.notes.size() == 1);
  CHECK(call.record.notes[0].find("the stream was not decoded to its end: frame 2 at octet ") == 0);
}

TEST_CASE("a stream that the upstream broke is not called cut a second time", "[streamed_call]") {
  CapturedCall call = call_of(BOREHOLE_TEST_DATA "/streams/converse_cut.events");
  call.record.outcome = Outcome::upstream_failed;
  decode(call);
  CHECK(call.record.notes.empty());
  CHECK(call.record.response.stream->events == 2);
}

TEST_CASE("tokens a second are those between the first arrival of tokens and the last", "[streamed_call]") {
  CapturedCall call = call_of(BOREHOLE_TEST_DATA "/streams/converse.events");
  const std::size_t size = call.record.response.body.size();
  using std::chrono::milliseconds;
  for (std::size_t i = 1; i <= 20; ++i) call.response_marks.add(size * i / 20, milliseconds(100 * i));
  SECTION("known") {
    decode(call);
    const auto& timing = call.record.timing_ms;
    REQUIRE(call.record.usage.output_tokens == 45U);
    REQUIRE(timing.first_token);
    REQUIRE(timing.output_tokens_per_second);
    // The last token comes before the events that end the stream.
    const double seconds = 44 / *timing.output_tokens_per_second;
    CHECK(seconds > 0);
    CHECK(seconds * 1000 + *timing.first_token < 2000);
    CHECK(std::abs(std::fmod(seconds * 1000 + 1e-6, 100.0)) < 1e-3);
  }
  SECTION("a part of the stream is not there") {
    const std::string body = call.record.response.body;
    call.record.response.body.resize(200);
    call.record.response.body_truncated = true;
    call.response_end.add(std::string_view(body).substr(body.size() - 700));
    decode(call);
    CHECK(call.record.usage.output_tokens == 45U);
    CHECK_FALSE(call.record.timing_ms.output_tokens_per_second);
  }
}

TEST_CASE("times of tokens come from the arrivals of their events", "[streamed_call]") {
  CapturedCall call = call_of(BOREHOLE_TEST_DATA "/streams/anthropic_text.events");
  const std::string& body = call.record.response.body;
  const std::size_t first = bedrock::event_frame("chunk", "").size();
  REQUIRE(first < body.size());
  using std::chrono::milliseconds;
  call.response_marks.add(10, milliseconds(100));  // not a whole event yet
  call.response_marks.add(body.size() - 1, milliseconds(150));
  call.response_marks.add(body.size(), milliseconds(180));
  decode(call);
  CHECK(call.record.timing_ms.first_token == 150.0);
  CHECK(call.record.timing_ms.token_gap_p50 == 30.0);
  CHECK(call.record.timing_ms.token_gap_p95 == 30.0);
  CHECK(call.record.timing_ms.token_gap_max == 30.0);
}

}  // namespace borehole::calls
