// Calls whose client streams events of its own, each in a frame that it signs: what the record holds of both
// directions.
#include <string>
#include <vector>

#include "bedrock/event_stream.h"
#include "bedrock/json_value.h"
#include "bedrock/text.h"
#include "calls/call_tap.h"
#include "calls/captured_call.h"
#include "calls/record_json.h"
#include "calls/record_reading.h"
#include "catch.h"
#include "unit/bedrock/frames.h"
#include "unit/calls/heads.h"

using namespace borehole;
using namespace borehole::calls;
using bedrock::signed_frame;
using bedrock::speech_frame;

namespace {

const std::string target = "/model/amazon.nova-sonic-v1%3A0/invoke-with-bidirectional-stream";
const std::string host = "bedrock-runtime.us-east-1.amazonaws.com";
const std::string event_stream_type = "application/vnd.amazon.eventstream";

std::string sent(std::string_view name, std::string_view body) { return signed_frame(speech_frame(name, body)); }
std::string text_input(std::string_view text, std::string_view content = "c1") {
  return sent("textInput", R"({"promptName":"p","contentName":")" + std::string(content) + R"(","content":")" +
                               std::string(text) + R"("})");
}

const std::vector<std::string> client_frames{
    sent("sessionStart", R"({"inferenceConfiguration":{"maxTokens":1024}})"),
    sent(
        "promptStart",
        R"({"promptName":"p","toolConfiguration":{"tools":[{"toolSpec":{"name":"depth"}},{"toolSpec":{"name":"dig"}}]}})"),
    sent("contentStart", R"({"promptName":"p","contentName":"c1","type":"TEXT","role":"SYSTEM"})"),
    text_input("You know "),
    text_input("wells."),
    sent("contentEnd", R"({"promptName":"p","contentName":"c1"})"),
    sent(
        "contentStart",
        R"({"promptName":"p","contentName":"c2","type":"AUDIO","role":"USER","audioInputConfiguration":{"mediaType":"audio/lpcm"}})"),
    sent("audioInput", R"({"promptName":"p","contentName":"c2","content":"AAECAwQF"})"),
    sent("audioInput", R"({"promptName":"p","contentName":"c2","content":"BgcICQ=="})"),
    sent("contentEnd", R"({"promptName":"p","contentName":"c2"})"),
    sent(
        "contentStart",
        R"({"promptName":"p","contentName":"c3","type":"TOOL","role":"TOOL","toolResultInputConfiguration":{"toolUseId":"t1"}})"),
    sent("toolResult", R"({"promptName":"p","contentName":"c3","content":"{\"m\":40}"})"),
    sent("contentEnd", R"({"promptName":"p","contentName":"c3"})"),
    sent("promptEnd", R"({"promptName":"p"})"),
    sent("sessionEnd", "{}"),
    signed_frame(""),
};

std::string joined(const std::vector<std::string>& frames) {
  std::string out;
  for (const std::string& frame : frames) out += frame;
  return out;
}
const std::string client_body = joined(client_frames);

CapturedCall call_of(std::string body) {
  CapturedCall call;
  CallRecord& record = call.record;
  record.request.method = "POST";
  record.request.target = call.target = target;
  record.upstream.host = host;
  record.request.headers = {{"Content-Type", event_stream_type}};
  record.request.body_bytes = body.size();
  record.request.body = std::move(body);
  record.response.status = 200;
  record.response.headers = {{"Content-Type", event_stream_type}};
  return call;
}

std::string part(const CallRecord& record, std::string_view path) {
  const auto json = bedrock::JsonValue::parse(to_json(record));
  REQUIRE(json);
  const auto* const found = json->at(path);
  if (found == nullptr) return "absent";
  std::string out;
  append_json(out, *found);
  return out;
}

const std::string whole_prompt =
    R"({"content":[{"type":"text","text":"You know wells.","role":"system"},)"
    R"({"type":"audio","media_type":"audio/lpcm","bytes":10,"role":"user"},)"
    R"({"type":"tool_result","tool_use_id":"t1","content":"{\"m\":40}","role":"tool"}],"tools":["depth","dig"]})";

}  // namespace

TEST_CASE("what a client signs event by event is put together", "[bidirectional]") {
  CapturedCall call = call_of(client_body);
  decode(call);
  CHECK(call.record.aws.operation == "InvokeModelWithBidirectionalStream");
  CHECK(part(call.record, "request/stream") == R"({"events":15,"signed_events":15,"crc_failures":0})");
  CHECK(part(call.record, "request/prompt") == whole_prompt);
  CHECK(call.record.request.body == client_body);
  CHECK(call.record.notes.empty());
}

TEST_CASE("events that nobody signed count as well", "[bidirectional]") {
  CapturedCall call = call_of(speech_frame("textInput", R"({"contentName":"c","role":"USER","content":"hi"})"));
  decode(call);
  CHECK(part(call.record, "request/stream") == R"({"events":1,"crc_failures":0})");
  CHECK(part(call.record, "request/prompt") == R"({"content":[{"type":"text","text":"hi","role":"user"}]})");
}

TEST_CASE("events of no known shape are told", "[bidirectional]") {
  CapturedCall call = call_of(signed_frame(bedrock::event_frame("chunk", R"({"bytes":"eyJ3b3JkIjoib25lIn0="})")));
  decode(call);
  CHECK(part(call.record, "request/stream") == R"({"events":1,"signed_events":1,"crc_failures":0,"unknown_events":1,)"
                                               R"("unknown":[{"name":"chunk","payload":"{\"word\":\"one\"}"}]})");
  CHECK(part(call.record, "request/prompt") == "absent");
}

TEST_CASE("a stream that is cut anywhere is read up to there, with frame and octet", "[bidirectional]") {
  std::size_t frame = 0;
  std::size_t begin = 0;
  for (std::size_t size = 1; size < client_body.size(); ++size) {
    if (size >= begin + client_frames[frame].size()) begin += client_frames[frame++].size();
    CAPTURE(size);
    CapturedCall call = call_of(client_body.substr(0, size));
    decode(call);
    REQUIRE(call.record.request.stream);
    CHECK(call.record.request.stream->events == std::min<std::size_t>(frame, 15));
    const std::string why = "the request's stream was not decoded to its end: frame " + std::to_string(frame + 1) +
                            " at octet " + std::to_string(begin) + ": the stream ends inside the frame";
    CHECK(call.record.notes == (size == begin ? std::vector<std::string>{} : std::vector{why}));
  }
}

TEST_CASE("past what is kept, the last octets still count, wherever the budget ends", "[bidirectional]") {
  for (std::size_t kept = 0; kept <= client_body.size(); ++kept) {
    CAPTURE(kept);
    CapturedCall call = call_of(client_body);
    call.record.request.body.resize(kept);
    call.record.request.body_truncated = kept < client_body.size();
    call.request_end.add(std::string_view(client_body).substr(kept));
    decode(call);
    CHECK(call.record.request.stream->events == 15);
    CHECK(call.record.notes.empty());
    if (kept < client_body.size() && call.record.request.prompt) CHECK(call.record.request.prompt->shortened);
  }
}

TEST_CASE("behind a gap, events are found again, and never the ones inside of a cut frame", "[bidirectional]") {
  for (std::size_t at = 1; at < client_body.size(); ++at) {
    CAPTURE(at);
    CapturedCall call = call_of(client_body.substr(0, client_frames[0].size()));
    call.record.request.body_bytes = client_body.size() + 1000;
    call.record.request.body_truncated = true;
    call.request_end.add(std::string_view(client_body).substr(at));
    decode(call);
    std::uint64_t behind = 0;
    std::size_t end = 0;
    for (const std::string& frame : client_frames) {
      if (end >= at && frame != client_frames.back()) ++behind;
      end += frame.size();
    }
    CHECK(call.record.request.stream->events == 1 + behind);
    CHECK(call.record.request.stream->signed_events == 1 + behind);
    CHECK(call.record.notes.size() == 1);
  }
}

TEST_CASE("damage inside of a signed frame is told, and the next event is read", "[bidirectional]") {
  std::string inner = speech_frame("textInput", R"({"contentName":"c1","content":"lost"})");
  inner[inner.size() - 20] ^= 1;
  const std::string before = text_input("one ");
  CapturedCall call = call_of(before + signed_frame(inner) + signed_frame("short") + text_input("two"));
  decode(call);
  CHECK(part(call.record, "request/stream") == R"({"events":4,"signed_events":4,"crc_failures":1})");
  CHECK(call.record.request.prompt->content.at(0).text == "one two");
  CHECK(call.record.notes ==
        std::vector<std::string>{"an event of the request's stream was not decoded: frame 2 at octet " +
                                 std::to_string(before.size()) +
                                 ": wrong checksum of the message (of the event in it)"});
}

TEST_CASE("damage of a frame itself ends decoding, with its number and octet", "[bidirectional]") {
  const std::string before = text_input("one");
  std::string damaged = text_input("two");
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  CapturedCall call = call_of(before + damaged + text_input("three"));
  decode(call);
  CHECK(part(call.record, "request/stream") == R"({"events":1,"signed_events":1,"crc_failures":1})");
  CHECK(call.record.notes ==
        std::vector<std::string>{"the request's stream was not decoded to its end: frame 2 at octet " +
                                 std::to_string(before.size()) + ": wrong checksum of the message"});
}

TEST_CASE("the model's side tells what was heard, planned and said, and the usage", "[bidirectional]") {
  const std::string final_stage = R"("additionalModelFields":"{\"generationStage\":\"FINAL\"}")";
  const std::string planned_stage = R"("additionalModelFields":"{\"generationStage\":\"SPECULATIVE\"}")";
  const std::string body =
      speech_frame("usageEvent", R"({"totalInputTokens":5,"totalOutputTokens":0,"totalTokens":5})") +
      speech_frame("completionStart", R"({"completionId":"x"})") +
      speech_frame("contentStart", R"({"contentId":"1","type":"TEXT","role":"USER",)" + final_stage + "}") +
      speech_frame("textOutput", R"({"contentId":"1","role":"USER","content":"How deep?"})") +
      speech_frame("contentEnd", R"({"contentId":"1","stopReason":"PARTIAL_TURN"})") +
      speech_frame("contentStart", R"({"contentId":"2","type":"TEXT","role":"ASSISTANT",)" + planned_stage + "}") +
      speech_frame("textOutput", R"({"contentId":"2","content":"Very deep, all in all."})") +
      speech_frame("contentEnd", R"({"contentId":"2"})") +
      speech_frame(
          "contentStart",
          R"({"contentId":"3","type":"AUDIO","role":"ASSISTANT","audioOutputConfiguration":{"mediaType":"audio/lpcm"}})") +
      speech_frame("audioOutput", R"({"contentId":"3","content":"AAECAw=="})") +
      speech_frame("audioOutput", R"({"contentId":"3","content":"BAUG"})") +
      speech_frame("contentEnd", R"({"contentId":"3","stopReason":"INTERRUPTED"})") +
      speech_frame("contentStart", R"({"contentId":"4","type":"TEXT","role":"ASSISTANT",)" + final_stage + "}") +
      speech_frame("textOutput", R"({"contentId":"4","content":"Very deep"})") +
      speech_frame("contentEnd", R"({"contentId":"4"})") +
      speech_frame("contentStart", R"({"contentId":"5","type":"TOOL","role":"TOOL"})") +
      speech_frame("toolUse",
                   R"({"contentId":"5","toolName":"depth","toolUseId":"t1","content":"{\"at\": \"here\"}"})") +
      speech_frame("contentEnd", R"({"contentId":"5","stopReason":"TOOL_USE"})") +
      speech_frame(
          "usageEvent",
          R"({"details":{"total":{"input":{"speechTokens":40,"textTokens":9},"output":{"speechTokens":20,"textTokens":3}}},)"
          R"("totalInputTokens":49,"totalOutputTokens":23,"totalTokens":72})") +
      speech_frame("completionEnd", R"({"stopReason":"END_TURN"})");
  CapturedCall call = call_of({});
  call.record.request.headers = {};
  call.record.response.body = body;
  call.record.response.body_bytes = body.size();
  decode(call);
  CHECK(part(call.record, "response/stream") == R"({"events":20,"crc_failures":0})");
  CHECK(part(call.record, "response/answer") ==
        R"({"content":[{"type":"text","text":"How deep?","role":"user","stage":"FINAL"},)"
        R"({"type":"text","text":"Very deep, all in all.","role":"assistant","stage":"SPECULATIVE"},)"
        R"({"type":"audio","media_type":"audio/lpcm","bytes":7,"role":"assistant"},)"
        R"({"type":"text","text":"Very deep","role":"assistant","stage":"FINAL"},)"
        R"({"type":"tool_use","id":"t1","name":"depth","input":{"at":"here"},"role":"assistant"}]})");
  CHECK(part(call.record, "usage") ==
        R"({"input_tokens":49,"output_tokens":23,"total_tokens":72,"source":"body","disagrees":false})");
  CHECK(call.record.response.stop_reason == "END_TURN");
  CHECK(call.record.notes.empty());
}

namespace {

class StillClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return {}; }
  WallTime wall() const noexcept override { return WallTime(std::chrono::seconds(1'767'323'045)); }
};

struct Outbox final : CallOutbox {
  void deliver(std::unique_ptr<CapturedCall> call) noexcept override { calls.push_back(std::move(*call)); }
  void missed() noexcept override {}
  std::vector<CapturedCall> calls;
};

// The record of a client that sends `portions`, when bodies are kept up to `most`.
CallRecord captured(const std::vector<std::string_view>& portions, std::size_t most) {
  const StillClock clock;
  Outbox outbox;
  CaptureOptions options;
  options.body_max_bytes = most;
  CallTapSource source(outbox, std::make_shared<const CaptureOptions>(options), clock);
  ExchangeStart start;
  start.way_in = WayIn::direct;
  start.router = "/";
  start.upstream_host = host;
  const auto tap = source.begin(start, {});
  tap->on_request_head(request_head("POST " + target + " HTTP/1.1\r\nHost: " + host +
                                    "\r\nContent-Type: " + event_stream_type + "\r\n\r\n"),
                       {});
  for (const auto portion : portions) tap->on_request_body(portion, {});
  tap->on_finished(Outcome::complete, nullptr, 200, {});
  REQUIRE(outbox.calls.size() == 1);
  decode(outbox.calls.front());
  return outbox.calls.front().record;
}

}  // namespace

TEST_CASE("in whatever portions a client's events come, and whatever is kept, all are counted", "[bidirectional]") {
  const std::string_view all = client_body;
  for (const std::size_t most :
       {std::size_t{1} << 20, client_body.size() - 1, client_body.size() / 2, std::size_t{1}}) {
    CAPTURE(most);
    for (std::size_t split = 0; split <= all.size(); split += most > all.size() ? 1 : 7) {
      CAPTURE(split);
      const CallRecord record = captured({all.substr(0, split), all.substr(split)}, most);
      CHECK(part(record, "request/stream") == R"({"events":15,"signed_events":15,"crc_failures":0})");
      if (most > all.size()) CHECK(part(record, "request/prompt") == whole_prompt);
      CHECK(record.notes.empty());
    }
  }
}

TEST_CASE("of a long stream the beginning and the end are read, and what lies between is told", "[bidirectional]") {
  std::string body;
  std::size_t count = 0;
  while (body.size() < 200'000) {
    body += text_input("more of it");
    ++count;
  }
  const CallRecord record = captured({body}, 1000);
  CHECK(record.request.body_truncated);
  CHECK(record.request.body_bytes == body.size());
  const std::uint64_t read = record.request.stream->events;
  CHECK(read > 32'000 / text_input("more of it").size());
  CHECK(read < count);
  REQUIRE(record.notes.size() == 1);
  CHECK(record.notes[0].find(" octets of the request's stream were not decoded: they did not fit") !=
        std::string::npos);
  CHECK(record.request.prompt->shortened);
}

namespace {

std::shared_ptr<RedactionRules> rules() {
  auto rules = std::make_shared<RedactionRules>();
  rules->email = true;
  return rules;
}

// The documents in the events of a stream, in signed frames or not.
std::string documents(std::string_view octets) {
  std::string out;
  bedrock::EventStreamDecoder decoder;
  decoder.feed(octets);
  while (const auto message = decoder.next()) {
    if (bedrock::is_signed_frame(*message)) {
      out += documents(message->payload);
    } else if (const auto json = bedrock::JsonValue::parse(message->payload)) {
      out += bedrock::base64_decode(json->text("bytes")).value_or("?") + "\n";
    }
  }
  CHECK(!decoder.error());
  return out;
}

}  // namespace

TEST_CASE("what is hidden is hidden in a client's events, spread over them, too", "[bidirectional]") {
  CapturedCall call = call_of(text_input("ask jane.doe") + text_input("@exam") + text_input("ple.com or ") +
                              text_input("joe@example.org") + signed_frame(""));
  call.redaction = rules();
  decode(call);
  const CallRecord& record = call.record;
  const std::string kept = documents(record.request.body);
  CHECK(kept.find("jane") == std::string::npos);
  CHECK(kept.find("ple.com") == std::string::npos);
  CHECK(kept.find("joe@") == std::string::npos);
  CHECK(record.request.prompt->content.at(0).text == "ask *** or ***");
  CHECK(to_json(record).find("jane") == std::string::npos);
  CHECK(part(record, "redactions") == R"({"email":2})");
  CHECK(record.request.stream->events == 4);
  CHECK(record.request.body_withheld.empty());
}

TEST_CASE("paths name members of the documents in a client's events", "[bidirectional]") {
  CapturedCall call = call_of(text_input("secret words") + text_input("more of them"));
  auto by_path = std::make_shared<RedactionRules>();
  by_path->paths.push_back(*JsonPath::parse("$.event.textInput.content"));
  call.redaction = std::move(by_path);
  decode(call);
  CHECK(documents(call.record.request.body).find("words") == std::string::npos);
  CHECK(call.record.request.prompt->content.at(0).text == "******");
  CHECK(to_json(call.record).find("more of") == std::string::npos);
}

TEST_CASE("what cannot be looked into is not kept of a client's events", "[bidirectional]") {
  CapturedCall call = call_of(text_input("fine") + signed_frame("jane.doe@example.com in no message"));
  call.redaction = rules();
  decode(call);
  CHECK(call.record.request.body.find("jane") == std::string::npos);
  CHECK(call.record.request.prompt->content.at(0).text == "fine");
  CHECK(part(call.record, "redactions") == R"({"cut":1})");
}

TEST_CASE("a truncated stream of a client keeps no beginning of what is to be hidden", "[bidirectional]") {
  std::string body;
  while (body.size() < 20'000) body += text_input("words ");
  body += text_input("jane.doe@exam");
  CapturedCall call = call_of(body);
  call.record.request.body_truncated = true;
  call.record.request.body_bytes = body.size() + 100;
  call.redaction = rules();
  decode(call);
  CHECK(documents(call.record.request.body).find("jane") == std::string::npos);
  CHECK(to_json(call.record).find("jane") == std::string::npos);
  CHECK(call.record.request.prompt->shortened);
}

TEST_CASE("where bodies are not kept, nothing that was said is", "[bidirectional]") {
  for (const BodyKeep keep : {BodyKeep::off, BodyKeep::hashed}) {
    CapturedCall call = call_of(client_body);
    auto none = std::make_shared<RedactionRules>();
    none->keep = keep;
    call.redaction = std::move(none);
    decode(call);
    CHECK(call.record.request.stream->events == 15);
    CHECK(!call.record.request.prompt);
    CHECK(to_json(call.record).find("wells") == std::string::npos);
    CHECK(call.record.request.body_sha256.empty() == (keep == BodyKeep::off));
  }
}
