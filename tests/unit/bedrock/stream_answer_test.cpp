// The bounds of what is put together; the families stand in tests/data/streams and are tried with the records of calls.
#include "bedrock/stream_answer.h"

#include <string>

#include "bedrock/streamed_body.h"
#include "catch.h"
#include "frames.h"

using namespace borehole::bedrock;

namespace {

std::string delta(std::uint64_t index, std::string_view text) {
  return R"({"contentBlockIndex":)" + std::to_string(index) + R"(,"delta":{"text":")" + std::string(text) + R"("}})";
}

}  // namespace

TEST_CASE("an event brings content where the model made something", "[stream_answer]") {
  StreamAnswer answer;
  CHECK_FALSE(answer.add_event("messageStart", R"({"role":"assistant"})"));
  CHECK(answer.add_event("contentBlockDelta", delta(0, "a")));
  CHECK_FALSE(answer.add_event("contentBlockDelta", delta(0, "")));
  CHECK_FALSE(answer.add_event("contentBlockStop", "{}"));
  CHECK(answer.add_event("contentBlockStart", R"({"contentBlockIndex":1,"start":{"toolUse":{"name":"dig"}}})"));
  CHECK_FALSE(answer.add_event("messageStop", R"({"stopReason":"tool_use"})"));
  CHECK_FALSE(answer.add_event("metadata", R"({"usage":{"inputTokens":1,"outputTokens":2}})"));
  const StreamedAnswer got = answer.take({});
  CHECK(got.ended);
  CHECK_FALSE(got.shortened);
  CHECK(got.unknown_events == 0);
}

TEST_CASE("blocks are bounded, and what is left out is told", "[stream_answer]") {
  StreamAnswer answer;
  for (std::uint64_t i = 0; i <= StreamAnswer::max_blocks; ++i) {
    CHECK(answer.add_event("contentBlockDelta", delta(i, "a")));
  }
  const StreamedAnswer got = answer.take({});
  CHECK(got.blocks.size() == StreamAnswer::max_blocks);
  CHECK(got.shortened);
}

TEST_CASE("of unknown events the first are kept, cut between characters, and all are counted", "[stream_answer]") {
  StreamAnswer answer;
  const std::string long_text = "x" + std::string(StreamAnswer::max_unknown_bytes / 2, '-');
  std::string payload = long_text;
  while (payload.size() <= StreamAnswer::max_unknown_bytes) payload += "\xc3\xa9";
  for (std::size_t i = 0; i < 2 * StreamAnswer::max_unknown; ++i) CHECK_FALSE(answer.add_event("new", payload));
  const StreamedAnswer got = answer.take({});
  CHECK(got.unknown_events == 2 * StreamAnswer::max_unknown);
  REQUIRE(got.unknown.size() == StreamAnswer::max_unknown);
  CHECK(got.unknown[0].payload.size() <= StreamAnswer::max_unknown_bytes);
  CHECK(payload.starts_with(got.unknown[0].payload));
  CHECK((static_cast<unsigned char>(payload[got.unknown[0].payload.size()]) & 0xc0) != 0x80);
}

TEST_CASE("content that is left out still lets usage, stop reason and exceptions count", "[stream_answer]") {
  StreamAnswer answer;
  answer.leave_content_out();
  CHECK(answer.add_event("contentBlockDelta", delta(0, "secret")));
  answer.add_event("messageStop", R"({"stopReason":"end_turn"})");
  answer.add_event("metadata", R"({"usage":{"inputTokens":1,"outputTokens":2}})");
  answer.add_exception("modelStreamErrorException", R"({"originalStatusCode":500,"originalMessage":"late"})");
  const StreamedAnswer got = answer.take({});
  CHECK(got.blocks.empty());
  CHECK(got.shortened);
  CHECK(got.facts.stop_reason == "end_turn");
  CHECK(got.facts.usage.total_tokens == 3U);
  CHECK(got.exception == "modelStreamErrorException");
  CHECK(got.facts.error_type == "ModelStreamErrorException");
  CHECK(got.facts.error_message == "late");
}

TEST_CASE("of three sources that disagree the best is told, and the next that differs beside it", "[stream_answer]") {
  StreamAnswer answer;
  answer.add_event("", R"({"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":1}}})");
  answer.add_event("", R"({"type":"message_delta","usage":{"output_tokens":5}})");
  answer.add_event(
      "", R"({"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":7,"outputTokenCount":6}})");
  Usage headers;
  headers.output_tokens = 6;
  headers.cache_read_tokens = 3;
  const StreamedAnswer got = answer.take(headers);
  CHECK(got.facts.usage.source == "invocation_metrics");
  CHECK(got.facts.usage.output_tokens == 6U);
  CHECK(got.facts.usage.cache_read_tokens == 3U);
  CHECK(got.facts.usage.input_tokens == 7U);
  CHECK(got.facts.usage.disagrees);
  REQUIRE(got.facts.other_usage);
  CHECK(got.facts.other_usage->source == "body");
  CHECK(got.facts.other_usage->output_tokens == 5U);
}

TEST_CASE("what a message has made when it starts is no count of its output", "[stream_answer]") {
  StreamAnswer answer;
  answer.add_event("", R"({"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":1}}})");
  const StreamedAnswer got = answer.take({});
  CHECK(got.facts.usage.input_tokens == 7U);
  CHECK_FALSE(got.facts.usage.output_tokens);
  CHECK_FALSE(got.facts.usage.total_tokens);
  CHECK_FALSE(got.ended);
}

TEST_CASE("a tool's input that was cut stays as far as it came", "[stream_answer]") {
  StreamAnswer answer;
  answer.add_event("contentBlockStart",
                   R"({"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"dig"}}})");
  answer.add_event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"depth\": "}}})");
  const StreamedAnswer got = answer.take({});
  REQUIRE(got.blocks.size() == 1);
  CHECK(got.blocks[0].text == R"({"depth": )");
  CHECK_FALSE(got.blocks[0].text_is_json);
}

TEST_CASE("streams are told by the type of their content", "[stream_answer]") {
  CHECK(stream_format("application/vnd.amazon.eventstream") == StreamFormat::event_stream);
  CHECK(stream_format(" Text/Event-Stream ; charset=utf-8") == StreamFormat::sse);
  CHECK_FALSE(stream_format("application/json"));
  CHECK_FALSE(stream_format("text/event-streams"));
  CHECK_FALSE(stream_format(""));
}
