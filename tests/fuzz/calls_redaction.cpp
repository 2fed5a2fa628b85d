// Fuzzes redaction with secrets planted: whatever stands around them, they are in no record. Input: a line that names
// what the bodies are (`json`, `stream`, `sse`, else text; `both`: the request is a stream, too) and how much is kept
// of it; then the body, of a stream a message a line. `@1` to `@3` are secrets, `@4` one written with an escape.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "bedrock/event_stream.h"
#include "bedrock/json_value.h"
#include "bedrock/json_view.h"
#include "bedrock/text.h"
#include "calls/captured_call.h"
#include "calls/record_json.h"
#include "fuzz/event_lines.h"
#include "fuzz/invariant.h"
#include "unit/bedrock/frames.h"

using namespace borehole;

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> planted{{{"@1", "TICKET-424242"},
                                                                                {"@2", "jane.roe@example.com"},
                                                                                {"@3", "4111111111111111"},
                                                                                {"@4", "TICKET-42424\\u0032"}}};
// Beside digits and letters a card is part of another number, and an address a longer one: then what is looked for is
// not.
constexpr std::array<std::string_view, 2> told_by{"TICKET-424242", "jane.roe@example.com"};

std::string with_secrets(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    bool found = false;
    for (const auto& [mark, secret] : planted) {
      if (!text.starts_with(mark)) continue;
      out += secret;
      text.remove_prefix(mark.size());
      found = true;
      break;
    }
    if (found) continue;
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

void demand_none(std::string_view text) {
  for (const auto secret : told_by) demand(text.find(secret) == std::string_view::npos, "no secret is in a record");
}

// Nor in what its events hold, in base64 and in signed frames.
void demand_none_in_stream(std::string_view octets) {
  bedrock::EventStreamDecoder decoder(bedrock::EventStreamDecoder::hard_message_bytes);
  decoder.feed(octets);
  while (const auto message = decoder.next()) {
    demand_none(message->payload);
    if (bedrock::is_signed_frame(*message) && message->payload != "***") demand_none_in_stream(message->payload);
    if (const auto json = bedrock::JsonValue::parse(message->payload)) {
      if (const auto chunk = bedrock::base64_decode(json->text("bytes"))) demand_none(*chunk);
    }
  }
  demand(!decoder.error(), "a stream stays a stream");
}

std::shared_ptr<const calls::RedactionRules> rules() {
  auto rules = std::make_shared<calls::RedactionRules>();
  rules->patterns.push_back({"ticket", *Pattern::compile("TICKET-[0-9]{6}")});
  rules->paths.push_back(*JsonPath::parse("$..hidden"));
  rules->paths.push_back(*JsonPath::parse("$.a[1].b"));
  rules->email = rules->card = rules->aws_key = true;
  rules->most_time = std::chrono::hours(1);
  return rules;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  static const auto all = rules();
  std::string_view text(reinterpret_cast<const char*>(octets), size);
  std::string_view first = take_until(text, '\n');
  const auto kind = take_until(first, ' ');
  const std::string content = with_secrets(text);
  const bool both = kind == "both";
  const std::string body = both || kind == "stream" ? event_stream(content) : content;
  std::size_t kept = body.size();
  std::from_chars(first.data(), first.data() + first.size(), kept);
  kept = std::min(kept, body.size());

  calls::CapturedCall call;
  call.redaction = all;
  calls::CallRecord& record = call.record;
  record.request.method = "POST";
  record.request.target = call.target = "/model/m/converse";
  record.request.body = record.response.body = body.substr(0, kept);
  record.request.body_bytes = record.response.body_bytes = body.size();
  record.request.body_truncated = record.response.body_truncated = kept < body.size();
  record.response.status = 200;
  if (kept < body.size()) {
    call.response_end.add(std::string_view(body).substr(kept));
    call.request_end.add(std::string_view(body).substr(kept));
  }
  const bool stream = both || kind == "stream";
  if (both) record.request.headers = {{"Content-Type", "application/vnd.amazon.eventstream"}};
  if (stream || kind == "sse") {
    record.response.headers = {{"Content-Type", stream ? "application/vnd.amazon.eventstream" : "text/event-stream"}};
  }
  const bool was_json = bedrock::JsonDocument(record.request.body).root().has_value();
  calls::decode(call);

  demand_none(calls::to_json(record));
  demand_none(record.request.body);
  if (was_json) demand(bedrock::JsonDocument(record.request.body).root().has_value(), "JSON stays JSON");
  if (stream) demand_none_in_stream(record.response.body);
  if (both) demand_none_in_stream(record.request.body);
  return 0;
}
