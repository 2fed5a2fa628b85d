#include "bedrock/streamed_body.h"

#include <algorithm>
#include <utility>

#include "base/ignoring_case.h"
#include "bedrock/event_stream.h"
#include "bedrock/sse.h"
#include "bedrock/text.h"
#include "bedrock/usage.h"

namespace borehole::bedrock {

namespace {

// Hands the events of one body on to the answer.
class BodyReader {
 public:
  explicit BodyReader(std::uint64_t kept) : kept_(kept) {}

  void read(EventStreamDecoder& decoder, Bytes octets) {
    decoder.feed(octets);
    while (const auto message = decoder.next()) {
      if (is_signed_frame(*message)) {
        read_signed(*message, decoder.messages());
      } else {
        begin_event(message->end);
        take(*message, message->end);
      }
    }
  }

  void read(SseDecoder& decoder, Bytes octets) {
    decoder.feed(octets);
    while (const auto event = decoder.next()) {
      begin_event(event->end);
      add_event(event->type == "message" ? std::string_view{} : event->type, event->data, event->end);
    }
  }

  // Events were missed: those that follow are neither the first nor next to those before.
  void skip_gap(std::uint64_t octets) {
    facts_.left_out = octets;
    after_gap_ = true;
  }

  StreamedBodyFacts& facts() noexcept { return facts_; }
  StreamedBodyFacts take(Fields fields) {
    facts_.answer = answer_.take(header_usage(fields));
    if (priced_otherwise(fields)) facts_.answer.facts.priced_otherwise = true;
    return std::move(facts_);
  }

 private:
  // One without a payload ends the stream, and is no event.
  void read_signed(const EventMessage& frame, std::uint64_t number) {
    if (frame.payload.empty()) return;
    begin_event(frame.end);
    ++facts_.signed_events;
    EventStreamDecoder inside(EventStreamDecoder::hard_message_bytes);
    inside.feed(frame.payload);
    while (const auto message = inside.next()) take(*message, frame.end);
    inside.finish();
    if (!inside.error()) return;
    if (inside.error()->checksum()) ++facts_.crc_failures;
    if (!facts_.inner_error.empty()) return;
    facts_.inner_error = EventStreamError{inside.error()->fault, number, frame.begin}.text() + " (of the event in it)";
  }

  void take(const EventMessage& message, std::uint64_t end) {
    switch (message.kind) {
      case EventKind::exception: answer_.add_exception(message.name, message.payload); break;
      case EventKind::error: answer_.add_error(message.name, message.error_message); break;
      case EventKind::event:
      case EventKind::other: add_event(message.name, message.payload, end); break;
    }
  }

  // What is not kept of the body is not kept of the answer.
  void begin_event(std::uint64_t end) {
    ++facts_.events;
    if (end > kept_) answer_.leave_content_out();
  }
  void add_event(std::string_view name, Bytes payload, std::uint64_t end) {
    if (answer_.add_event(name, payload) && !after_gap_) facts_.content_ends.push_back(end);
  }

  std::uint64_t kept_;
  bool after_gap_ = false;
  StreamAnswer answer_;
  StreamedBodyFacts facts_;
};

// Where an event begins after the first one that ends within `octets`; nullopt where none ends.
std::optional<std::size_t> find_sse_event(Bytes octets) noexcept {
  for (std::size_t at = octets.find_first_of("\r\n"); at < octets.size(); at = octets.find_first_of("\r\n", at)) {
    std::size_t ends = 0;
    std::size_t next = at;
    while (next < octets.size() && ends < 2 && (octets[next] == '\r' || octets[next] == '\n')) {
      next += octets.substr(next).starts_with("\r\n") ? 2 : 1;
      ++ends;
    }
    if (ends == 2) return next;
    at = next;
  }
  return std::nullopt;
}

void end(EventStreamDecoder& decoder, bool ends, StreamedBodyFacts& facts) {
  if (ends) decoder.finish();
  if (!decoder.error() || !facts.error.empty()) return;
  facts.error = decoder.error()->text();
  if (decoder.error()->checksum()) ++facts.crc_failures;
}

void end(const SseDecoder& decoder, bool ends, StreamedBodyFacts& facts) {
  if (!facts.error.empty()) return;
  if (decoder.error()) facts.error = decoder.error()->text();
  if (ends && decoder.cut()) {
    facts.error = "event " + std::to_string(decoder.events() + 1) + ": the stream ends inside it";
  }
}

EventStreamDecoder decoder_at(std::uint64_t offset, EventStreamDecoder*) {
  return EventStreamDecoder(EventStreamDecoder::hard_message_bytes, offset);
}
SseDecoder decoder_at(std::uint64_t offset, SseDecoder*) { return SseDecoder(SseDecoder::max_event_bytes, offset); }

std::optional<std::size_t> find_event(Bytes octets, EventStreamDecoder*) { return find_event_message(octets); }
std::optional<std::size_t> find_event(Bytes octets, SseDecoder*) { return find_sse_event(octets); }

template <class Decoder>
StreamedBodyFacts read(const StreamedBody& body) {
  constexpr Decoder* kind = nullptr;
  BodyReader reader(body.beginning.size());
  const std::uint64_t end_at = body.size - std::min<std::uint64_t>(body.size, body.end.size());
  const bool gap = end_at > body.beginning.size();
  Decoder first = decoder_at(0, kind);
  reader.read(first, body.beginning);
  if (!gap) reader.read(first, body.end);
  end(first, !gap && body.whole, reader.facts());
  if (gap) reader.skip_gap(end_at - body.beginning.size());
  if (const auto at = gap ? find_event(body.end, kind) : std::nullopt) {
    Decoder last = decoder_at(end_at + *at, kind);
    reader.read(last, body.end.substr(*at));
    end(last, body.whole, reader.facts());
  }
  return reader.take(body.fields);
}

}  // namespace

std::optional<StreamFormat> stream_format(std::string_view content_type) noexcept {
  const auto essence = trimmed(content_type.substr(0, content_type.find(';')));
  if (equals_ignoring_case(essence, "application/vnd.amazon.eventstream")) return StreamFormat::event_stream;
  if (equals_ignoring_case(essence, "text/event-stream")) return StreamFormat::sse;
  return std::nullopt;
}

StreamedBodyFacts read_streamed_body(const StreamedBody& body) noexcept {
  try {
    return body.format == StreamFormat::sse ? read<SseDecoder>(body) : read<EventStreamDecoder>(body);
  } catch (...) {  // out of memory
    return {};
  }
}

}  // namespace borehole::bedrock
