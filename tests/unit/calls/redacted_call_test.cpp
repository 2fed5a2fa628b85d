// Whole calls through decode() under rules: nothing that they hide is anywhere in the record.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "bedrock/event_stream.h"
#include "bedrock/event_stream_writer.h"
#include "bedrock/json_value.h"
#include "bedrock/text.h"
#include "calls/captured_call.h"
#include "calls/record_json.h"
#include "catch.h"
#include "tls/digest.h"
#include "unit/bedrock/frames.h"
#include "unit/http/compressed.h"

using namespace borehole;
using namespace borehole::calls;

namespace {

constexpr std::string_view model = "anthropic.claude-3-haiku-20240307-v1:0";
constexpr std::string_view mail = "jane.doe@example.com";

std::shared_ptr<RedactionRules> all_rules() {
  auto rules = std::make_shared<RedactionRules>();
  rules->email = rules->card = rules->aws_key = true;
  rules->patterns.push_back({"ticket", *Pattern::compile("TICKET-[0-9]{6}")});
  return rules;
}

CapturedCall call_of(std::shared_ptr<const RedactionRules> rules, std::string_view operation) {
  CapturedCall call;
  CallRecord& record = call.record;
  record.request.method = "POST";
  record.request.target = call.target = "/model/" + std::string(model) + "/" + std::string(operation);
  record.upstream.host = "bedrock-runtime.us-east-1.amazonaws.com";
  record.response.status = 200;
  record.response.headers = {{"Content-Type", "application/json"}};
  call.redaction = std::move(rules);
  return call;
}

void set_body(CapturedCall& call, std::string body) {
  call.record.response.body_bytes = body.size();
  call.record.response.body = std::move(body);
}

CapturedCall stream_of(std::shared_ptr<const RedactionRules> rules, const std::string& body, bool sse = false) {
  CapturedCall call = call_of(std::move(rules), sse ? "invoke" : "converse-stream");
  call.record.response.headers = {{"Content-Type", sse ? "text/event-stream" : "application/vnd.amazon.eventstream"}};
  set_body(call, body);
  return call;
}

std::string delta(std::string_view text, int index = 0) {
  return bedrock::event_frame("contentBlockDelta", R"({"contentBlockIndex":)" + std::to_string(index) +
                                                       R"(,"delta":{"text":")" + std::string(text) +
                                                       R"("},"p":"abcd"})");
}
std::string chunk(std::string_view json) {
  return bedrock::event_frame("chunk", R"({"bytes":")" + bedrock::base64(json) + R"(","p":"abc"})");
}
const std::string converse_end =
    bedrock::event_frame("contentBlockStop", R"({"contentBlockIndex":0})") +
    bedrock::event_frame("messageStop", R"({"stopReason":"end_turn"})") +
    bedrock::event_frame("metadata", R"({"usage":{"inputTokens":11,"outputTokens":7,"totalTokens":18}})");

// All payloads of what is kept of a stream, the model's own documents decoded.
std::string payloads(const CallRecord& record) {
  std::string out;
  if (!record.response.stream || record.response.headers.empty() ||
      !record.response.headers[0].second.starts_with("application/vnd"))
    return out;
  bedrock::EventStreamDecoder decoder;
  decoder.feed(record.response.body);
  while (const auto message = decoder.next()) {
    out += message->payload;
    if (const auto json = bedrock::JsonValue::parse(message->payload)) {
      if (const auto bytes = bedrock::base64_decode(json->text("bytes"))) out += *bytes;
    }
    out += '\n';
  }
  CHECK(!decoder.error());
  return out;
}

bool holds(const CallRecord& record, std::string_view what) {
  return to_json(record).find(what) != std::string::npos || payloads(record).find(what) != std::string::npos;
}

std::string answer_text(const CallRecord& record) {
  std::string out;
  if (!record.response.answer) return out;
  for (const auto& block : record.response.answer->content) out += block.text;
  return out;
}

std::uint64_t count_of(const CallRecord& record, std::string_view rule) {
  for (const auto& [name, count] : record.redactions) {
    if (name == rule) return count;
  }
  return 0;
}

}  // namespace

TEST_CASE("every text of a record is looked through") {
  CapturedCall call = call_of(all_rules(), "converse");
  CallRecord& record = call.record;
  record.request.target += "?mail=jane.doe%40example.com&X-Amz-Security-Token=abcdef";
  record.request.headers = {
      {"X-Note", "for jane.doe@example.com"}, {"User-Agent", "me jane.doe@example.com"}, {"TICKET-123456", "x"}};
  record.response.headers = {{"Content-Type", "application/json"}, {"X-Echo", mail}};
  record.error = Error{ErrorCode::store_failed, Fault::proxy, "saw jane.doe@example.com"};
  record.notes = {"note jane.doe@example.com"};
  record.session_id = "s-jane.doe@example.com";
  record.aws.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  record.request.body =
      R"({"messages":[{"role":"user","content":[{"text":"jane.doe@example.com AKIAIOSFODNN7EXAMPLF"}]}]})";
  record.request.body_bytes = record.request.body.size();
  record.response.status = 400;
  set_body(call, R"({"message":"bad jane.doe@example.com"})");
  decode(call);
  CHECK(!holds(record, "jane"));
  CHECK(!holds(record, "EXAMPLF"));
  CHECK(!holds(record, "TICKET-1"));
  CHECK(record.response.error_message == "bad ***");
  CHECK(record.client.user_agent == "me ***");
  CHECK(record.aws.access_key_id == "AKIAIOSFODNN7EXAMPLE");  // of the signature: it says who called
  CHECK(count_of(record, "ticket") == 1);
  CHECK(count_of(record, "email") >= 8);
  CHECK(to_json(record).find(R"("redactions":{"email":)") != std::string::npos);
}

TEST_CASE("what a path hides is not told by what is read out of the body") {
  auto rules = std::make_shared<RedactionRules>();
  for (const auto* path : {"$.message", "$.output.message.content[*].text", "$.stopReason"})
    rules->paths.push_back(*JsonPath::parse(path));
  CapturedCall error = call_of(rules, "converse");
  error.record.response.status = 400;
  set_body(error, R"({"message":"HIDDEN","other":1})");
  decode(error);
  CHECK(!holds(error.record, "HIDDEN"));
  CHECK(count_of(error.record, "$.message") == 1);

  CapturedCall answer = call_of(rules, "converse");
  set_body(
      answer,
      R"({"output":{"message":{"content":[{"text":"HIDDEN"}]}},"stopReason":"HIDDEN","usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7}})");
  decode(answer);
  CHECK(!holds(answer.record, "HIDDEN"));
  CHECK(answer.record.usage.input_tokens == 3);
}

TEST_CASE("a value that is spread over the events of a stream is found, at every division") {
  const std::string text = "say jane.doe@example.com and 4111 1111 1111 1111, TICKET-123456.";
  for (std::size_t portion = 1; portion < 30; ++portion) {
    CAPTURE(portion);
    std::string body = bedrock::event_frame("messageStart", R"({"role":"assistant"})");
    for (std::size_t at = 0; at < text.size(); at += portion) body += delta(text.substr(at, portion));
    CapturedCall call = stream_of(all_rules(), body + converse_end);
    decode(call);
    const CallRecord& record = call.record;
    CHECK(answer_text(record) == "say *** and ***, ***.");
    CHECK(record.response.body_withheld.empty());
    CHECK(!record.response.body.empty());
    CHECK(record.response.stream->events > 3);
    CHECK(record.usage.output_tokens == 7);
    CHECK(record.response.stop_reason == "end_turn");
    // Joined in any way, the portions that are kept hold nothing of it.
    std::string joined;
    bedrock::EventStreamDecoder decoder;
    decoder.feed(record.response.body);
    while (const auto message = decoder.next())
      joined += bedrock::JsonValue::parse(message->payload)->text("delta/text");
    CHECK(joined == "say *** and ***, ***.");
    CHECK(count_of(record, "email") == 1);
    CHECK(count_of(record, "card") == 1);
    CHECK(count_of(record, "ticket") == 1);
  }
}

TEST_CASE("blocks that are made at the same time are put together each for itself") {
  std::string body;
  for (const auto& [a, b] : {std::pair("ja", "41111"), {"ne@exa", "1111111"}, {"mple.com", "1111"}})
    body += delta(a, 0) + delta(b, 1);
  CapturedCall call = stream_of(all_rules(), body + converse_end);
  decode(call);
  CHECK(answer_text(call.record) == "******");
  CHECK(call.record.response.body_withheld.empty());
  const std::string kept = payloads(call.record);
  CHECK(kept.find("exa") == std::string::npos);
  CHECK(kept.find("1111") == std::string::npos);
}

TEST_CASE("the model's own documents in base64 are looked into") {
  auto rules = all_rules();
  rules->paths.push_back(*JsonPath::parse("$.message.id"));
  std::string body = chunk(R"({"type":"message_start","message":{"id":"HIDDEN","role":"assistant","model":"m"}})");
  for (const std::string_view part : {"x ja", "ne\\u0040ex", "ample.com y"}) {
    body += chunk(R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" +
                  std::string(part) + R"("}})");
  }
  for (const std::string_view part : {"{\\\"mail\\\": \\\"joe\\\\u00", "40exam", "ple.org\\\"}"}) {
    body += chunk(R"({"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":")" +
                  std::string(part) + R"("}})");
  }
  CapturedCall call = stream_of(rules, body);
  call.record.request.target = call.target = "/model/" + std::string(model) + "/invoke-with-response-stream";
  decode(call);
  CHECK(!holds(call.record, "HIDDEN"));
  CHECK(!holds(call.record, "ample"));
  CHECK(!holds(call.record, "exam"));
  CHECK(answer_text(call.record).starts_with("x *** y"));
  CHECK(count_of(call.record, "email") == 2);
}

TEST_CASE("server-sent events are looked through as well") {
  std::string body;
  for (const std::string_view part : {"a ja", "ne@ex", "ample.com b"}) {
    body += R"(data: {"choices":[{"index":0,"delta":{"content":")" + std::string(part) + "\"}}]}\n\n";
  }
  CapturedCall call = stream_of(all_rules(), body + "data: [DONE]\n\n", true);
  decode(call);
  CHECK(answer_text(call.record) == "a *** b");
  CHECK(call.record.response.body.find("ne@ex") == std::string::npos);
  CHECK(call.record.response.body.ends_with("data: [DONE]\n\n"));
  CHECK(call.record.response.body.find(R"("content":"a ***")") != std::string::npos);
}

TEST_CASE("what stands beside the events of a text stream is looked through as well") {
  const std::string events = "data: {\"type\":\"ping\"}\n\n";
  for (const std::string beside :
       {": jane.doe@example.com\n", "note: jane.doe@example.com\n", "jane.doe@example.com\r\n",
        "event: jane.doe@example.com\n\n", "retry: jane.doe@example.com\n"}) {
    CAPTURE(beside);
    CapturedCall call = stream_of(all_rules(), beside + events, true);
    decode(call);
    CHECK(!holds(call.record, "jane"));
    CHECK(call.record.response.body == events);
  }
  // Where paths hide something a comment may hold it, too.
  auto paths = std::make_shared<RedactionRules>();
  paths->paths.push_back(*JsonPath::parse("$..content"));
  CapturedCall call = stream_of(paths, ": {\"content\":\"HIDDEN\"}\n" + events, true);
  decode(call);
  CHECK(call.record.response.body == events);
  CapturedCall plain = stream_of(paths, "event: ping\r\n" + events, true);
  decode(plain);
  CHECK(plain.record.response.body == "event: ping\r\n" + events);
}

TEST_CASE("exceptions and errors in a stream are looked through") {
  const std::string error = bedrock::frame(bedrock::text_header(":error-code", "x") +
                                               bedrock::text_header(":error-message", "no jane.doe@example.com") +
                                               bedrock::text_header(":message-type", "error"),
                                           "");
  for (const std::string& last :
       {bedrock::exception_frame("validationException", R"({"message":"no jane.doe@example.com"})"), error}) {
    CapturedCall call = stream_of(all_rules(), delta("a") + last);
    decode(call);
    CHECK(!holds(call.record, "jane"));
    CHECK(call.record.response.error_message == "no ***");
  }
}

TEST_CASE("a stream in which nothing is found keeps its octets, without half an event") {
  const std::string body = delta("good day") + converse_end;
  CapturedCall whole = stream_of(all_rules(), body);
  decode(whole);
  CHECK(whole.record.response.body == body);
  CHECK(whole.record.redactions.empty());
  CapturedCall cut = stream_of(all_rules(), body + delta("jane.doe@exam").substr(0, 90));
  cut.record.outcome = Outcome::upstream_failed;
  decode(cut);
  CHECK(cut.record.response.body == body);
  REQUIRE(cut.record.notes.size() == 1);
  CHECK(cut.record.notes[0].starts_with("90 octets of a stream are not kept"));
}

TEST_CASE("of a stream that was cut the last events are not kept, and its end still tells usage") {
  std::string body;
  while (body.size() < 20'000) body += delta("word ");
  const std::string end = delta("jane.doe@") + delta("example.com") + converse_end;
  CapturedCall call = stream_of(all_rules(), body + delta("jane.d"));
  call.record.response.body_truncated = true;
  call.record.response.body_bytes += 100'000 + end.size();
  call.response_end.add(end);
  decode(call);
  CHECK(!holds(call.record, "jane"));
  CHECK(call.record.usage.output_tokens == 7);
  CHECK(call.record.response.stop_reason == "end_turn");
  CHECK(answer_text(call.record).starts_with("word word "));
  CHECK(answer_text(call.record).size() < 20'000 / 100 * 5);
}

TEST_CASE("what cannot be looked into is not kept, and the record says why") {
  for (const bool request : {true, false}) {
    CapturedCall coded = call_of(all_rules(), "converse");
    auto& headers = request ? coded.record.request.headers : coded.record.response.headers;
    headers = {{"Content-Encoding", "zz"}, {"Content-Type", "application/json"}};
    coded.record.request.body = coded.record.response.body = "\"plain\"";
    coded.record.request.body_bytes = coded.record.response.body_bytes = 7;
    decode(coded);
    CHECK(coded.record.request.body.empty() == request);
    CHECK(coded.record.response.body.empty() != request);
    CHECK(to_json(coded.record).find(R"("body_withheld":"its content-encoding cannot)") != std::string::npos);
  }
  CapturedCall no_stream = stream_of(all_rules(), "jane.doe@example.com");
  decode(no_stream);
  CHECK(!holds(no_stream.record, "jane"));
  CHECK(no_stream.record.response.body_withheld.find("no stream") != std::string::npos);
}

TEST_CASE("compressed bodies are looked into where they can be decoded, streams as well") {
  CapturedCall call = call_of(all_rules(), "converse");
  call.record.response.headers = {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}};
  set_body(call, tests::gzip(R"({"output":{"message":{"content":[{"text":"to jane.doe@example.com"}]}}})"));
  decode(call);
  CHECK(call.record.response.body == R"({"output":{"message":{"content":[{"text":"to ***"}]}}})");

  CapturedCall stream =
      stream_of(all_rules(), tests::gzip(delta("to jane.doe@") + delta("example.com!") + converse_end));
  stream.record.response.headers = {{"Content-Type", "application/vnd.amazon.eventstream"},
                                    {"Content-Encoding", "gzip"}};
  decode(stream);
  CHECK(answer_text(stream.record) == "to ***!");
  CHECK(!holds(stream.record, "jane"));
  CHECK(stream.record.response.stop_reason == "end_turn");

  CapturedCall cut = call_of(all_rules(), "converse");
  cut.record.response.headers = {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}};
  set_body(cut, "no gzip: jane.doe@example.com");
  decode(cut);
  CHECK(cut.record.response.body.empty());
  CHECK(!cut.record.response.body_withheld.empty());
}

TEST_CASE("when time runs out, nothing from outside is left in the record") {
  auto rules = all_rules();
  rules->most_time = Duration(0);
  CapturedCall call = stream_of(rules, delta("jane.doe@") + delta("example.com") + converse_end);
  call.record.request.headers = {{"User-Agent", mail}};
  call.record.request.target += "?jane";
  call.record.session_id = mail;
  call.record.request.body = "{\"a\":\"jane\"}";
  decode(call);
  CHECK(!holds(call.record, "jane"));
  CHECK(call.record.response.body_withheld == "looking through it took too long");
  CHECK(call.record.usage.output_tokens == 7);
}

TEST_CASE("bodies that are hashed or off leave no content, and what was counted stays") {
  for (const BodyKeep keep : {BodyKeep::hashed, BodyKeep::off}) {
    auto rules = std::make_shared<RedactionRules>();
    rules->bodies.push_back({"anthropic.*", "", keep});
    const std::string body = delta("CONTENT") + bedrock::event_frame("strange", R"({"a":"CONTENT"})") + converse_end;
    CapturedCall call = stream_of(rules, body);
    call.record.request.body = R"({"messages":[{"role":"user","content":[{"text":"CONTENT"}]}]})";
    call.record.request.body_bytes = call.record.request.body.size();
    const std::string request = call.record.request.body;
    decode(call);
    const CallRecord& record = call.record;
    CHECK(!holds(record, "CONTENT"));
    CHECK(record.response.body.empty());
    CHECK(record.usage.output_tokens == 7);
    CHECK(record.response.stop_reason == "end_turn");
    if (keep == BodyKeep::hashed) {
      CHECK(record.request.body_sha256 == tls::sha256_hex(request));
      CHECK(record.response.body_sha256 == tls::sha256_hex(body));
      CHECK(record.response.body_withheld.empty());
    } else {
      CHECK(record.response.body_sha256.empty());
      CHECK(record.response.body_withheld == body_off);
    }
  }
}

TEST_CASE("an event stream is written as it was read") {
  const std::string body = delta("a") + chunk("{}") + converse_end;
  std::string out;
  bedrock::EventStreamDecoder decoder;
  decoder.feed(body);
  while (const auto message = decoder.next())
    CHECK(bedrock::append_event_message(out, message->headers, message->payload));
  CHECK(out == body);
}
