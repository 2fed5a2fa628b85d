#include "app/call_page.h"

#include <algorithm>

#include "app/call_bodies.h"
#include "calls/captured_call.h"
#include "calls/record_json.h"
#include "catch.h"
#include "unit/bedrock/frames.h"

using namespace borehole;
using namespace borehole::app;

namespace {

calls::CallRecord record() {
  calls::CallRecord out;
  out.id = "01KAAAAAAAAAAAAAAAAAAAAAAA";
  out.started_at = WallTime(std::chrono::seconds(1'767'323'045));
  out.router = "/";
  out.session_id = "build-7";
  out.client.address = "127.0.0.1:51234";
  out.client.sdk = "boto3";
  out.client.sdk_version = "1.34";
  out.client.process_pid = 77;
  out.client.process_name = "python3";
  out.upstream.host = "bedrock-runtime.us-east-1.amazonaws.com";
  out.upstream.port = 443;
  out.upstream.reused = true;
  out.upstream.tls_version = "TLSv1.3";
  out.aws.operation = "Converse";
  out.aws.model_id = "amazon.nova-lite-v1:0";
  out.aws.region = "us-east-1";
  out.aws.access_key_id = "AKIAONE";
  out.aws.invocation_id = "5f3c";
  out.aws.attempt = 2;
  out.aws.max_attempts = 3;
  out.request.method = "POST";
  out.request.target = "/model/amazon.nova-lite-v1%3A0/converse";
  out.request.headers = {{"Host", "h"}, {"X-Odd", "a\x1b[2Jb"}};
  out.request.body =
      R"({"system":[{"text":"be brief"}],"messages":[{"role":"user","content":[{"text":"hi\nthere\u001b[31m"}]}],)"
      R"("toolConfig":{"tools":[{"toolSpec":{"name":"weather"}}]}})";
  out.request.body_bytes = out.request.body.size();
  out.response.status = 200;
  out.response.headers = {{"Content-Type", "application/json"}};
  out.response.body =
      R"({"output":{"message":{"role":"assistant","content":[{"text":"Hello"},)"
      R"({"toolUse":{"toolUseId":"t1","name":"weather","input":{"city":"Graz"}}}]}},"stopReason":"tool_use"})";
  out.response.body_bytes = out.response.body.size();
  out.response.stop_reason = "tool_use";
  out.usage.input_tokens = 11;
  out.usage.output_tokens = 23;
  out.usage.source = "converse";
  out.timing_ms.total = 123.4;
  out.timing_ms.connect = 1.5;
  out.timing_ms.reported_by_aws = 99;
  out.timing_ms.added_by_proxy = 0.21;
  return out;
}

bedrock::JsonValue json_of(const calls::CallRecord& from) {
  auto parsed = bedrock::JsonValue::parse(calls::to_json(from));
  REQUIRE(parsed);
  return *std::move(parsed);
}

std::string page(const calls::CallRecord& from) { return call_page(json_of(from), false); }

bool has(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) WARN("not there: " << part << "\nin: " << text);
  return found;
}

std::string event(std::string_view name, std::string_view payload) { return bedrock::event_frame(name, payload); }

std::string chunk(std::string_view payload) {
  return event("chunk", R"({"bytes":")" + bedrock::base64(payload) + R"("})");
}

// The page of an answer that was streamed so.
std::string page_of_stream(const std::string& body, const char* target) {
  calls::CapturedCall call;
  call.record = record();
  call.record.aws = {};
  call.record.request.target = call.target = target;
  call.record.response = {};
  call.record.response.status = 200;
  call.record.response.headers = {{"Content-Type", "application/vnd.amazon.eventstream"}};
  call.record.response.body = body;
  call.record.response.body_bytes = body.size();
  call.record.usage = {};
  std::size_t end = 0;
  for (const std::size_t part : {body.size() / 3, body.size() / 3, body.size() - body.size() / 3 * 2}) {
    end += part;
    call.response_marks.add(end, std::chrono::milliseconds(end == body.size() ? 200 : 100 + end % 2));
  }
  calls::decode(call);
  return page(call.record);
}

constexpr const char* converse_stream = "/model/amazon.nova-lite-v1%3A0/converse-stream";
constexpr const char* invoke_stream = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke-with-response-stream";

}  // namespace

TEST_CASE("a page tells what, who, where, the conversation, and what it took", "[call_page]") {
  const std::string text = page(record());
  CHECK(text.rfind("Converse  amazon.nova-lite-v1:0\n200  complete  2026-01-0", 0) == 0);
  CHECK(has(text, "  123.4 ms\n"));
  CHECK(has(text, "\nid        01KAAAAAAAAAAAAAAAAAAAAAAA\n"));
  CHECK(has(text, "\nclient    boto3 1.34, 127.0.0.1:51234, python3 (process 77)\n"));
  CHECK(has(text, "access key AKIAONE, session build-7, attempt 2 of 3\n"));
  CHECK(has(text,
            "\nupstream  bedrock-runtime.us-east-1.amazonaws.com:443, region us-east-1, connection reused, TLSv1.3\n"));
  CHECK(has(text, "\nway in    connect, router /\n"));
  CHECK(has(text, "  system\n    be brief\n  user\n    hi\n    there\\x1b[31m\n  tools weather\n"));
  CHECK(has(text, "  assistant\n    Hello\n    calls weather (t1)\n      {\"city\":\"Graz\"}\n"));
  CHECK(has(text, "\ntokens    in 11, out 23, told by converse\n"));
  CHECK(has(text, "\nstopped   tool_use\n"));
  CHECK(has(text, "\ncost      unknown\n"));
  CHECK(has(text, "\ntime      total 123.4 ms, connect 1.5 ms\n"));
  CHECK(has(text, "\n          AWS reports 99.0 ms, seen 123.4 ms, borehole added 0.210 ms\n"));
  CHECK(has(text, "\nrequest headers\n  Host: h\n  X-Odd: a\\x1b[2Jb\n"));
  CHECK(has(text, "\nresponse headers\n  Content-Type: application/json\n"));
  CHECK(
      std::none_of(text.begin(), text.end(), [](char c) { return c != '\n' && static_cast<unsigned char>(c) < 0x20; }));
}

TEST_CASE("a page tells who called: key and its name, application, framework, role", "[call_page]") {
  calls::CallRecord from = record();
  from.client.app_id = "billing";
  from.client.framework = "langchain";
  from.client.framework_version = "0.3";
  from.aws.principal = "arn:aws:sts::123456789012:assumed-role/R/ci";
  const std::string text = call_page(json_of(from), false, {.key_name = "build server"});
  CHECK(has(text, "access key AKIAONE (build server), session build-7, attempt 2 of 3\n"));
  CHECK(has(text, "\n          application billing, framework langchain 0.3\n"));
  CHECK(has(text, "\n          arn:aws:sts::123456789012:assumed-role/R/ci\n"));
  from.aws.access_key_id.clear();
  from.aws.api_key_name = "BedrockAPIKey-ab12-at-123456789012";
  CHECK(
      has(call_page(json_of(from), false, {.key_name = "team"}), "API key BedrockAPIKey-ab12-at-123456789012 (team)"));
}

TEST_CASE("a page lists the attempts of the invocation, with the pauses between them", "[call_page]") {
  store::CallSummary first, second;
  first.id = "01KAAAAAAAAAAAAAAAAAAAAAA0";
  first.started = WallTime(std::chrono::seconds(1'767'323'040));
  first.outcome = second.outcome = "complete";
  first.status = 429;
  first.error_type = "Throttling\x1b[2JException";
  first.attempt = 1;
  first.total_ms = 250;
  second.id = record().id;
  second.started = WallTime(std::chrono::seconds(1'767'323'045));
  second.status = 200;
  second.attempt = 2;
  const std::string text = call_page(json_of(record()), false, {.key_name = {}, .attempts = {first, second}});
  CHECK(has(text, "\nattempts  of invocation"));
  CHECK(has(text, "  1  429  Throttling\\x1b[2JException  "));
  CHECK(has(text, "  took 250.0 ms  01KAAAAAAAAAAAAAAAAAAAAAA0\n  2  200  "));
  CHECK(has(text, "  after a pause of 4750.0 ms  01KAAAAAAAAAAAAAAAAAAAAAAA  (this one)\n"));
  const std::string alone = call_page(json_of(record()), false, {.key_name = {}, .attempts = {second}});
  CHECK(alone == page(record()));
}

TEST_CASE("colours are the page's own, never the wire's", "[call_page]") {
  const std::string text = call_page(json_of(record()), true);
  CHECK(has(text, "\x1b[1mConverse"));
  CHECK(has(text, "there\\x1b[31m"));
}

TEST_CASE("errors are told with whose fault they are and what helps", "[call_page]") {
  auto from = record();
  from.response.status = 429;
  from.response.error_type = "ThrottlingException";
  from.response.error_message = "Too many requests";
  from.notes = {"Host replaced"};
  std::string text = page(from);
  CHECK(has(text, "\nerror     ThrottlingException: Too many requests\n"));
  CHECK(has(text,
            "\nwhy       the account's requests per minute for amazon.nova-lite-v1:0 are used up; mend: slow down"));
  CHECK(has(text, "\nnote      Host replaced\n"));

  from = record();
  text = page(from);
  CHECK(text.find("\nwhy ") == std::string::npos);
  CHECK(text.find("\nmend ") == std::string::npos);

  from = record();
  from.response = {};
  from.outcome = calls::Outcome::upstream_failed;
  from.error = Error{ErrorCode::connect_failed, Fault::upstream, "nobody listens there"};
  text = page(from);
  CHECK(has(text, "no answer  upstream_failed"));
  CHECK(has(text, "\nerror     connect_failed: nobody listens there\n"));
  CHECK(has(text, "the fault is the upstream's"));
  CHECK(has(text, "\nmend      check the network's way there"));
  CHECK_FALSE(text.find("\nanswer") != std::string::npos);
}

TEST_CASE("a cost that is known is told as it is", "[call_page]") {
  auto from = record();
  from.cost_usd = "0.00012";
  CHECK(has(page(from), "\ncost      $0.00012\n"));
}

TEST_CASE("a streamed Converse answer is shown as a plain one is", "[call_page]") {
  const std::string text = page_of_stream(
      event("messageStart", R"({"role":"assistant"})") +
          event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Graz, "}}})") +
          event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"then."}}})") +
          event("contentBlockDelta", R"({"contentBlockIndex":1,"delta":{"text":"Let me\nsee\u001b[31m"}})") +
          event("contentBlockStart",
                R"({"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"weather"}}})") +
          event("contentBlockDelta", R"({"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"city\": "}}})") +
          event("contentBlockDelta", R"({"contentBlockIndex":2,"delta":{"toolUse":{"input":"\"Graz\"}"}}})") +
          event("messageStop", R"({"stopReason":"tool_use"})") +
          event("metadata", R"({"usage":{"inputTokens":11,"outputTokens":23,"totalTokens":34,)"
                            R"("cacheWriteInputTokens":9,"cacheDetails":[{"ttl":"1h","inputTokens":4}]},)"
                            R"("trace":{"guardrail":{"actionReason":"none"}}})"),
      converse_stream);
  CHECK(text.rfind("ConverseStream  amazon.nova-lite-v1:0\n", 0) == 0);
  CHECK(has(text,
            "  assistant\n    thinking\n      Graz, then.\n    Let me\n    see\\x1b[31m\n"
            "    calls weather (t1)\n      {\"city\":\"Graz\"}\n\n"));
  CHECK(has(text, "written to cache 9 (4 of them for an hour), total 34, told by converse\n"));
  CHECK(has(text, "\nstreamed  9 events, first token "));
  CHECK(has(text, " ms, gaps p50 "));
  CHECK_FALSE(text.find("event stream, ") != std::string::npos);
  CHECK_FALSE(text.find("checksum") != std::string::npos);
  CHECK_FALSE(text.find("\nmore\n") != std::string::npos);
}

TEST_CASE("a streamed Anthropic answer is shown with its tool's input", "[call_page]") {
  const std::string text = page_of_stream(
      chunk(
          R"({"type":"message_start","message":{"role":"assistant","usage":{"input_tokens":10,"output_tokens":1}}})") +
          chunk(
              R"({"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"c2Vj"}})") +
          chunk(R"({"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}})") +
          chunk(R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Deep."}})") +
          chunk(R"({"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"a":1}}})") +
          chunk(
              R"({"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"u1","name":"dig","input":{}}})") +
          chunk(
              R"({"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"m\":[1,-2,1.5,"}})") +
          chunk(
              R"({"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"true,null,{}]}"}})") +
          chunk(
              R"({"type":"content_block_start","index":3,"content_block":{"type":"web_search_tool_result","tool_use_id":"u1","content":[{"type":"text","text":"found"}]}})") +
          chunk(R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":5}})") +
          chunk(
              R"({"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":10,"outputTokenCount":6}})"),
      invoke_stream);
  CHECK(has(text,
            "  assistant\n    thinking\n      [encrypted]\n    Deep.\n    [1 citation]\n    calls dig (u1)\n"
            "      {\"m\":[1,-2,1.5,true,null,{}]}\n    tool's result (u1)\n      found\n"));
  CHECK(has(text,
            "\ntokens    in 10, out 6, total 16, told by invocation_metrics\n"
            "          another source tells other numbers\n          in 10, out 5, told by body\n"));
  CHECK(has(text, "\nstreamed  11 events, "));
}

TEST_CASE("what went wrong inside a stream stands with what came before it", "[call_page]") {
  std::string body = event("messageStart", R"({"role":"assistant"})") +
                     event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"Half an ans"}})") +
                     event("novelEvent", R"({"bright":"\u001b"})");
  const std::string broken = bedrock::exception_frame("throttlingException", R"({"message":"Too many tokens"})");
  std::string text = page_of_stream(body + broken, converse_stream);
  CHECK(has(text, "\nerror     ThrottlingException: Too many tokens\n"));
  CHECK(has(text, "          throttlingException inside the stream\n"));
  CHECK(has(text,
            "    Half an ans\n  event novelEvent, of a kind that is not known\n    {\"bright\":\"\\u001b\"}\n"
            "  … ended by throttlingException\n"));
  body.back() = static_cast<char>(body.back() ^ 1);
  text = page_of_stream(body, converse_stream);
  CHECK(has(text, "    Half an ans\n"));
  CHECK(has(text, "\n          1 message with a wrong checksum\n"));
  CHECK(has(text, "\nnote      the stream was not decoded to its end: "));
}

TEST_CASE("a stream's choices are turns, and what is no text is told as it is elsewhere", "[call_page]") {
  auto from = record();
  using Kind = bedrock::AnswerBlock::Kind;
  auto& answer = from.response.answer.emplace();
  answer.content = {
      {.kind = Kind::text, .text = "one"},
      {.kind = Kind::text, .choice = 1, .text = "two"},
      {.kind = Kind::tool_use, .text = "{\"cut", .tool_id = "t2", .tool_name = "w"},
      {.kind = Kind::other,
       .text = "{\"format\":\"png\"}\n{\"source\":{\"bytes\":\"QUJDQUJD\"}}\n{\"toolUseId\":\"t3\",\"type\":\"x\"}\n"
               "[{\"text\":\"seen\"}]\n{\"new\":1}\n{\"cut"}};
  answer.shortened = true;
  from.response.guardrail_action = "INTERVENED";
  const std::string text = page(from);
  CHECK(has(text,
            "  assistant\n    one\n    calls w (t2)\n      {\"cut\n    [image png]\n    [image 6 B]\n"
            "    tool's result (t3)\n\n    seen\n    of a kind that is not known\n      {\"new\":1}\n"
            "    of a kind that is not known\n      {\"cut\n  assistant\n    two\n"
            "  … there was more than a record keeps\n"));
  CHECK(has(text, "\nguardrail INTERVENED\n"));
}

TEST_CASE("a conversation by speech is told as who said what", "[call_page]") {
  auto from = record();
  using Kind = bedrock::AnswerBlock::Kind;
  const auto block = [](Kind kind, const char* role, const char* text, const char* stage = "") {
    bedrock::AnswerBlock out;
    out.kind = kind;
    out.role = role;
    out.text = text;
    out.stage = stage;
    return out;
  };
  auto& stream = from.request.stream.emplace();
  stream.events = stream.signed_events = 12;
  stream.crc_failures = 2;
  stream.unknown_events = 1;
  stream.unknown = {{"chunk", "{\"odd\":1}"}};
  auto& prompt = from.request.prompt.emplace();
  prompt.content = {block(Kind::text, "system", "You know wells."), block(Kind::audio, "user", ""),
                    block(Kind::tool_result, "tool", "40 m")};
  prompt.content[1].octets = 32'000;
  prompt.content[1].media_type = "audio/lpcm";
  prompt.content[2].tool_id = "t1";
  prompt.content[2].failed = true;
  prompt.tools = {"depth", "dig"};
  prompt.shortened = true;
  from.response.stream.emplace().events = 20;
  auto& answer = from.response.answer.emplace();
  answer.content = {block(Kind::text, "user", "How deep?", "FINAL"),
                    block(Kind::text, "assistant", "Very deep, all in all.", "SPECULATIVE"),
                    block(Kind::audio, "assistant", ""), block(Kind::text, "assistant", "Very deep", "FINAL"),
                    block(Kind::text, "assistant", "And then", "SPECULATIVE")};
  answer.content[2].octets = 999;
  const std::string text = page(from);
  CHECK(has(text,
            "  system\n    You know wells.\n  user\n    [audio lpcm 32 kB]\n  tool\n    tool failed (t1)\n"
            "      40 m\n  tools depth, dig\n  event chunk, of a kind that is not known\n    {\"odd\":1}\n"
            "  … there was more than a record keeps\n"));
  CHECK(has(text, "  user\n    How deep?\n  assistant\n    [audio 999 B]\n    Very deep\n    And then\n"));
  CHECK(has(text, "\nsent      12 events, each signed\n          2 messages with a wrong checksum\n"));
  CHECK(text.find("all in all") == std::string::npos);
}

TEST_CASE("a WebSocket's frames are told by kind", "[call_page]") {
  auto from = record();
  from.request.headers = from.response.headers = {};
  from.request.websocket.emplace().text = 3;
  from.request.websocket->close = 1;
  from.request.websocket->close_code = 1000;
  from.response.websocket.emplace();
  const std::string text = page(from);
  CHECK(
      has(text, "\nwebsocket the client sent 3 text, 1 close, close code 1000\n          the upstream sent nothing\n"));
  CHECK(has(text, "\n  WebSocket frames, "));
  from.response.websocket->binary = 2;
  from.response.websocket->unreadable_at = 77;
  CHECK(has(page(from), "the upstream sent 2 binary, no frames from octet 77 on\n"));
}

TEST_CASE("bodies that are no conversation are shown as what they are", "[call_page]") {
  auto from = record();
  const auto answer = [&](std::string body, calls::Headers headers = {}) {
    from.response.body_bytes = body.size();
    from.response.body = std::move(body);
    from.response.headers = std::move(headers);
    return page(from);
  };
  CHECK(has(answer(R"({"odd":{"shape":1}})"), "  {\n    \"odd\": {\n      \"shape\": 1\n    }\n  }\n"));
  CHECK(has(answer("just words\x07"), "  just words\\x07\n"));
  CHECK(has(answer(std::string("\x00\x01\xff", 3)), "  binary, 3 octets; `--raw-body response` writes what is kept\n"));
  CHECK(has(answer("\x01", {{"content-type", "application/vnd.amazon.eventstream"}}), "  event stream, 1 octet\n"));
  CHECK(has(answer("data: x\n\n", {{"Content-Type", "text/event-stream; charset=utf-8"}}),
            "  text event stream, 9 octets\n"));
  CHECK(has(answer("\x1f\x8b", {{"Content-Encoding", "gzip"}}), "  compressed (gzip), 2 octets\n"));
  from.response.coding = {"gzip", false, {}, "corrupt", "the body is no sound gzip"};
  CHECK(has(answer("\x1f\x8b", {{"Content-Encoding", "gzip"}}),
            "  compressed (gzip), 2 octets: the body is no sound gzip\n"));
  from.response.coding = {"gzip", true, 10, "trailing", "octets follow"};
  CHECK(has(answer("just words", {{"Content-Encoding", "gzip"}}), "  just words\n  … octets follow\n"));
  CHECK(has(page(from), "\nanswer  10 octets of gzip, 10 decoded\n"));
  from.response.coding = {};
  from.response.headers = {};
  from.response.body.clear();
  from.response.body_bytes = 500;
  CHECK(has(page(from), "  500 octets, not kept (record.bodies.max_bytes)\n"));
  from.response.headers = {{"content-type", "application/vnd.amazon.eventstream"}};
  CHECK(has(page(from), "  event stream, 500 octets, not kept (record.bodies.max_bytes)\n"));
  from.response.headers = {};
  from.response.body = R"({"output":{"mess)";
  from.response.body_truncated = true;
  CHECK(has(page(from), "500 octets, cut off in the record\n"));
  CHECK(has(page(from), "… the rest was not kept (record.bodies.max_bytes)\n"));
}

TEST_CASE("members that the page does not know are shown all the same", "[call_page]") {
  const auto value = bedrock::JsonValue::parse(
      R"({"id":"A","outcome":"complete","diagnosis":{"why":"be\u001bcause","list":[1,true,null]},"zone":"x"})");
  REQUIRE(value);
  const std::string text = call_page(*value, false);
  CHECK(has(text,
            "\nmore\n  diagnosis.why: be\\x1bcause\n  diagnosis.list.0: 1\n  diagnosis.list.1: true\n"
            "  diagnosis.list.2: null\n  zone: x\n"));
}

TEST_CASE("kept bodies come back octet for octet", "[call_page]") {
  auto from = record();
  from.response.body = std::string("\x00\xff\x1f\x8b", 4);
  from.response.body_bytes = 4;
  const auto value = json_of(from);
  CHECK(kept_body(value, BodySide::request) == from.request.body);
  CHECK(kept_body(value, BodySide::response) == from.response.body);
  from.response.body.clear();
  CHECK_FALSE(kept_body(json_of(from), BodySide::response).has_value());
  from.response.body_bytes = 0;
  CHECK(kept_body(json_of(from), BodySide::response) == "");
}
