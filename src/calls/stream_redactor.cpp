#include "calls/stream_redactor.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "bedrock/event_stream.h"
#include "bedrock/event_stream_writer.h"
#include "bedrock/sse.h"
#include "bedrock/text.h"
#include "calls/stream_lanes.h"

namespace borehole::calls {

namespace {

// Before a cut: some twenty portions of a model's answer, with what frames them.
constexpr std::size_t hidden_end = std::size_t{8} << 10;
constexpr std::string_view end_of_sse = "[DONE]";  // OpenAI's last event, which is no JSON

// Walks each event's document twice: first its texts are put into lanes, then they are written with what was found.
class Walk final : public JsonVisitor {
 public:
  Walk(Redactor& redactor, StreamLanes& lanes) : redactor_(redactor), lanes_(lanes) {}

  void write_with(const std::vector<LaneEdit>* edits) {
    edits_ = edits;
    edit_ = 0;
    text_ = 0;
  }
  bool changed() const noexcept { return changed_; }

  // The payload as it may be kept is in `out`.
  void event(std::string_view name, std::string_view payload, std::string& out) {
    if (!edits_) lanes_.begin_event(name);
    out.clear();
    if (!payload.empty()) document(payload, 0, out);
    if (!edits_) lanes_.end_event();
  }

  bool on_text(const ReadText& text, std::string& replacement) override {
    if (text.kind == ReadText::Kind::number && !edits_) lanes_.add_index(text.member, text.text);
    if (text.kind != ReadText::Kind::value) {
      if (!edits_) return false;
      const bool changed = text.kind == ReadText::Kind::number
                               ? redactor_.clean_number(text.text, text.member, false, replacement)
                               : redactor_.clean_value(text.text, text.member, false, 0, replacement);
      changed_ = changed_ || changed;
      return changed;
    }
    // InvokeModelWithResponseStream's events hold the model's own in base64: for paths, they are documents as well.
    const auto chunk = text.member == "bytes" ? text_in_base64(text.text, false) : std::nullopt;
    if (!chunk) return leaf(text.place, text.member, text.text, replacement);
    std::string inside;
    const bool before = std::exchange(changed_, false);
    document(chunk->text, text.place, inside);
    const bool inside_changed = std::exchange(changed_, before || changed_);
    if (!edits_) return false;
    replacement = text.text;
    if (inside_changed) replacement.replace(chunk->begin, std::string::npos, bedrock::base64_encode(inside));
    const bool as_it_is = redactor_.clean(replacement);
    changed_ = changed_ || as_it_is;
    return inside_changed || as_it_is;
  }

  void on_hidden(std::size_t path) override {
    if (edits_) redactor_.count_path(path);
    changed_ = true;
  }

 private:
  void document(std::string_view text, std::uint64_t place, std::string& out) {
    const JsonEnd end = JsonRewriter(text, redactor_.rules().paths, false, *this).run(out, place);
    if (end == JsonEnd::whole) return;
    std::string replacement;
    const bool changed = leaf(place, {}, text, replacement);
    out = changed ? replacement : std::string(text);
    if (redactor_.rules().paths.empty() || text == end_of_sse) return;
    if (edits_) redactor_.count(rule::cut);
    out = JsonRewriter::mask;
    changed_ = true;
  }

  bool leaf(std::uint64_t place, std::string_view member, std::string_view text, std::string& replacement) {
    if (!edits_) {
      if (redactor_.rules().hides_texts()) lanes_.add(place, member, text);
      return false;
    }
    std::string edited;
    std::size_t at = 0;
    const auto is_mine = [&] { return edit_ < edits_->size() && (*edits_)[edit_].text == text_; };
    for (; is_mine(); ++edit_) {
      const LaneEdit& edit = (*edits_)[edit_];
      edited.append(text, at, edit.span.begin - at);
      if (edit.mask) edited += JsonRewriter::mask;
      at = edit.span.end;
    }
    const bool by_lane = at != 0;
    edited.append(text, at);
    ++text_;
    // What holds a document of its own is looked through as one.
    const bool by_itself = redactor_.clean_value(edited, member, false, 1, replacement);
    if (by_lane && !by_itself) replacement = std::move(edited);
    changed_ = changed_ || by_lane || by_itself;
    return by_lane || by_itself;
  }

  Redactor& redactor_;
  StreamLanes& lanes_;
  const std::vector<LaneEdit>* edits_ = nullptr;  // null: the first time
  std::size_t edit_ = 0;                          // the next one
  std::size_t text_ = 0;                          // number of the text that comes
  bool changed_ = false;
};

// A message, and the one in it where it is a signed frame.
struct FramedMessage {
  const bedrock::EventMessage& frame;
  const bedrock::EventMessage* inside = nullptr;
  bool damaged = false;  // what is in it is not one whole message
  std::uint64_t end = 0;
};

// Calls `take` with each whole event.
template <class Take>
void each_event(bedrock::EventStreamDecoder decoder, std::string_view octets, Take&& take) {
  decoder.feed(octets);
  while (const auto frame = decoder.next()) {
    FramedMessage event{*frame, nullptr, false, frame->end};
    bedrock::EventStreamDecoder opened(bedrock::EventStreamDecoder::hard_message_bytes);
    std::optional<bedrock::EventMessage> inside;
    if (bedrock::is_signed_frame(*frame) && !frame->payload.empty()) {
      opened.feed(frame->payload);
      inside = opened.next();
      event.damaged = !inside || inside->end != frame->payload.size();
      if (!event.damaged) event.inside = &*inside;
    }
    take(event);
  }
}
template <class Take>
void each_event(bedrock::SseDecoder decoder, std::string_view octets, Take&& take) {
  decoder.feed(octets);
  while (const auto event = decoder.next()) take(*event);
}

std::string_view name_of(const FramedMessage& event) { return event.inside ? event.inside->name : event.frame.name; }
std::string_view name_of(const bedrock::SseEvent& event) { return event.type; }
std::string_view payload_of(const FramedMessage& event) {
  if (event.damaged) return {};
  return event.inside ? event.inside->payload : event.frame.payload;
}
std::string_view payload_of(const bedrock::SseEvent& event) { return event.data; }

bool append_message(std::string& out, const bedrock::EventMessage& message, std::string_view payload,
                    Redactor& redactor, bool& changed) {
  std::vector<bedrock::EventHeader> headers(message.headers.begin(), message.headers.end());
  std::vector<std::string> texts(headers.size());
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (headers[i].type != bedrock::EventHeaderType::string &&
        headers[i].type != bedrock::EventHeaderType::byte_array) {
      continue;
    }
    texts[i] = headers[i].octets;
    changed = redactor.clean(texts[i]) || changed;
    headers[i].octets = texts[i];
  }
  return bedrock::append_event_message(out, headers, payload);
}

bool append_event(std::string& out, const FramedMessage& event, std::string_view payload, Redactor& redactor,
                  bool& changed) {
  if (event.inside != nullptr) {
    std::string inside;
    return append_message(inside, *event.inside, payload, redactor, changed) &&
           append_message(out, event.frame, inside, redactor, changed);
  }
  if (!event.damaged) return append_message(out, event.frame, payload, redactor, changed);
  redactor.count(rule::cut);
  changed = true;
  return append_message(out, event.frame, JsonRewriter::mask, redactor, changed);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\n");
}

bool append_event(std::string& out, const bedrock::SseEvent& event, std::string_view payload, Redactor& redactor,
                  bool& changed) {
  std::string type(event.type);
  std::string id(event.id);
  changed = redactor.clean(type) || changed;
  changed = redactor.clean(id) || changed;
  if (type != "message") append_field(out, "event", type);
  if (!id.empty()) append_field(out, "id", id);
  for (const std::string_view line : bedrock::split(payload, '\n')) append_field(out, "data", line);
  out += '\n';
  return true;
}

// Comments and fields that nobody knows (the HTML standard, section 9.2.6).
bool has_other_lines(std::string_view octets) {
  while (!octets.empty()) {
    const std::string_view line = octets.substr(0, octets.find_first_of("\r\n"));
    octets.remove_prefix(std::min(octets.size(), line.size() + 1));
    const std::string_view name = line.substr(0, line.find(':'));
    if (!line.empty() && name != "data" && name != "event" && name != "id" && name != "retry") return true;
  }
  return false;
}

// Does the stream hold what is to be hidden beside its events?
bool tells_more(const bedrock::EventStreamDecoder&, std::string_view, Redactor&) { return false; }
bool tells_more(const bedrock::SseDecoder&, std::string_view octets, Redactor& redactor) {
  std::string text(octets);
  return redactor.clean(text) || (!redactor.rules().paths.empty() && has_other_lines(octets));
}

template <class Decoder>
RedactedStream redact(Redactor& redactor, const Decoder& decoder, std::string_view octets, StreamPart part) {
  RedactedStream result;
  std::uint64_t kept = 0;
  std::uint64_t most = octets.size();
  if (part == StreamPart::beginning && redactor.rules().hides_texts()) {
    std::uint64_t whole = 0;
    each_event(decoder, octets, [&](const auto& event) { whole = event.end; });
    most = whole > hidden_end ? whole - hidden_end : 0;
  }
  StreamLanes lanes;
  Walk walk(redactor, lanes);
  std::string payload;
  each_event(decoder, octets, [&](const auto& event) {
    if (event.end <= most) walk.event(name_of(event), payload_of(event), payload);
  });
  const auto edits = lanes.find(redactor);
  walk.write_with(&edits);
  bool changed = false;
  each_event(decoder, octets, [&](const auto& event) {
    if (event.end > most) return;
    walk.event(name_of(event), payload_of(event), payload);
    if (!append_event(result.octets, event, payload, redactor, changed)) {
      result.withheld = "what was hidden in one of its events made it larger than an event may be";
    }
    kept = event.end;
  });
  result.changed = changed || walk.changed() || tells_more(decoder, octets.substr(0, kept), redactor);
  result.left_out = octets.size() - kept;
  if (result.withheld) {
    result.octets.clear();
  } else if (kept == 0 && part == StreamPart::whole && !octets.empty()) {
    result.withheld = "it is no stream of events, as which it was sent";
  } else if (!result.changed) {
    result.octets = octets.substr(0, kept);
  }
  return result;
}

// Where the first event begins of a stream that begins inside of one.
std::size_t behind_empty_line(std::string_view octets) {
  for (std::size_t at = octets.find('\n'); at != std::string_view::npos; at = octets.find('\n', at + 1)) {
    const std::string_view rest = octets.substr(at + 1);
    if (rest.starts_with("\n")) return at + 2;
    if (rest.starts_with("\r\n")) return at + 3;
  }
  return octets.size();
}

}  // namespace

RedactedStream redact_stream(Redactor& redactor, bedrock::StreamFormat format, std::string_view octets,
                             StreamPart part) {
  std::size_t begin = 0;
  if (format == bedrock::StreamFormat::sse) {
    if (part == StreamPart::end) begin = behind_empty_line(octets);
    return redact(redactor, bedrock::SseDecoder(), octets.substr(begin), part);
  }
  if (part == StreamPart::end) begin = bedrock::find_event_message(octets).value_or(octets.size());
  return redact(redactor, bedrock::EventStreamDecoder(bedrock::EventStreamDecoder::hard_message_bytes),
                octets.substr(begin), part);
}

}  // namespace borehole::calls
