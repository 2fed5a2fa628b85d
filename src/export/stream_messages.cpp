#include "export/stream_messages.h"

#include "bedrock/event_stream.h"
#include "bedrock/fields.h"
#include "bedrock/sse.h"
#include "bedrock/streamed_body.h"
#include "bedrock/text.h"
#include "calls/record_reading.h"
#include "calls/utf8.h"

namespace borehole::exporting {

namespace {

using bedrock::JsonValue;
using calls::BodySide;

// The first arrival by which `octets` had come.
class Arrivals {
 public:
  explicit Arrivals(const JsonValue& record) : marks_(record.list("response/arrivals")) {}
  std::optional<double> of(std::uint64_t octets) {
    while (at_ < marks_.size() && marks_[at_].count("0").value_or(0) < octets) ++at_;
    if (at_ == marks_.size()) return std::nullopt;
    return marks_[at_].number("1");
  }

 private:
  const JsonValue::List& marks_;
  std::size_t at_ = 0;
};

std::string as_text(Bytes payload) {
  return calls::is_utf8(payload) ? std::string(payload)
                                 : calls::json_string(payload);  // with U+FFFD for what is no text
}

// {"bytes":"<base64>"}: what the model itself sent.
std::string data_of(std::string_view name, Bytes payload) {
  if (name == "chunk") {
    const auto body = JsonValue::parse(payload);
    const auto inner = body ? bedrock::base64_decode(body->text("bytes")) : std::nullopt;
    if (inner && !inner->empty() && calls::is_utf8(*inner)) return *inner;
  }
  return as_text(payload);
}

std::vector<StreamMessage> read_event_stream(const std::string& body, Arrivals& arrivals) {
  std::vector<StreamMessage> out;
  bedrock::EventStreamDecoder decoder(bedrock::EventStreamDecoder::hard_message_bytes);
  decoder.feed(body);
  while (const auto message = decoder.next()) {
    StreamMessage& made = out.emplace_back();
    made.name = message->name;
    made.exception = message->kind == bedrock::EventKind::exception || message->kind == bedrock::EventKind::error;
    made.data = message->kind == bedrock::EventKind::error ? as_text(message->error_message)
                                                           : data_of(message->name, message->payload);
    made.time_ms = arrivals.of(message->end);
  }
  return out;
}

std::vector<StreamMessage> read_sse(const std::string& body, Arrivals& arrivals) {
  std::vector<StreamMessage> out;
  bedrock::SseDecoder decoder;
  decoder.feed(body);
  while (const auto event = decoder.next()) {
    out.push_back({std::string(event->type), as_text(event->id), as_text(event->data), false, arrivals.of(event->end)});
  }
  return out;
}

}  // namespace

std::optional<std::vector<StreamMessage>> read_stream_messages(const JsonValue& record) {
  const auto format = bedrock::stream_format(calls::header_of(record, BodySide::response, "content-type"));
  const bool coded = !record.text("response/body_coding").empty() && record.flag("response/body_decoded") != true;
  const auto body = calls::kept_body(record, BodySide::response);
  if (!format || !body || coded) return std::nullopt;
  Arrivals arrivals(record);
  return *format == bedrock::StreamFormat::sse ? read_sse(*body, arrivals) : read_event_stream(*body, arrivals);
}

}  // namespace borehole::exporting
