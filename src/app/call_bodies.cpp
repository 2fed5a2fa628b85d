#include "app/call_bodies.h"

#include <fmt/format.h>

#include "app/readable_json.h"
#include "app/recorded_answer.h"
#include "bedrock/fields.h"
#include "bedrock/text.h"

namespace borehole::app {

namespace {

using calls::side_name;

std::string octets(std::uint64_t count) { return fmt::format("{} {}", count, count == 1 ? "octet" : "octets"); }

// The content coding that the kept octets are still in; empty where they are in none.
std::string undecoded(const bedrock::JsonValue& record, BodySide side) {
  if (record.flag(fmt::format("{}/body_decoded", side_name(side))).value_or(false)) return {};
  const std::string coding = bedrock::lower_case(header_of(record, side, "content-encoding"));
  return coding == "identity" ? std::string() : coding;
}

// What stands for a body whose content is not read.
std::string opaque(const bedrock::JsonValue& record, BodySide side, std::uint64_t size) {
  if (!undecoded(record, side).empty()) {
    const std::string_view reason = record.text(fmt::format("{}/body_coding_error/message", side_name(side)));
    return fmt::format("compressed ({}), {}{}{}", undecoded(record, side), octets(size), reason.empty() ? "" : ": ",
                       reason);
  }
  if (record.at(fmt::format("{}/websocket", side_name(side))) != nullptr) return "WebSocket frames, " + octets(size);
  const std::string type = bedrock::lower_case(header_of(record, side, "content-type"));
  const std::string_view essence = bedrock::trimmed(std::string_view(type).substr(0, type.find(';')));
  if (essence == "application/vnd.amazon.eventstream") return "event stream, " + octets(size);
  if (essence == "text/event-stream") return "text event stream, " + octets(size);
  return {};
}

// Why there is no body.
std::string not_kept(const bedrock::JsonValue& message) {
  if (const auto hash = message.text("body_sha256"); !hash.empty()) {
    return fmt::format(", not kept but its SHA-256 {} (record.bodies.keep)", hash);
  }
  const auto why = message.text("body_withheld");
  return why.empty() ? ", not kept (record.bodies.max_bytes)" : fmt::format(", not kept: {}", why);
}

bool begins_like_json(std::string_view text) {
  const std::string_view content = bedrock::trimmed(text);
  return !content.empty() && (content.front() == '{' || content.front() == '[');
}

}  // namespace

std::string why_no_body(const bedrock::JsonValue& record, BodySide side) {
  const bedrock::JsonValue* message = record.at(side_name(side));
  if (message == nullptr) return {};
  if (!message->text("body_sha256").empty()) return "record.bodies says that its hash is: see `--json`";
  const auto why = message->text("body_withheld");
  return why.empty() ? std::string() : std::string(why) + ": see record.bodies and record.redact";
}

BodyView view_body(const bedrock::JsonValue& record, BodySide side) {
  BodyView view;
  const bedrock::JsonValue* message = record.at(side_name(side));
  if (message == nullptr) return view;
  view.octets = message->count("body_bytes").value_or(0);
  view.truncated = message->flag("body_truncated").value_or(false);
  if (message->flag("body_decoded").value_or(false)) {
    view.coding = message->text("body_coding");
    view.decoded_octets = message->count("body_decoded_bytes");
    view.coding_error = message->text("body_coding_error/message");
  }
  if (view.octets == 0) return view;
  view.conversation = side == BodySide::response ? recorded_answer(record) : recorded_prompt(record);
  if (view.conversation) return view;
  view.note = opaque(record, side, view.octets);
  if (message->at("body") == nullptr) {
    if (view.note.empty()) view.note = octets(view.octets);
    view.note += not_kept(*message);
  }
  if (!view.note.empty()) return view;
  if (message->text("body_encoding") == "base64") {
    view.note = fmt::format("binary, {}; `--raw-body {}` writes what is kept", octets(view.octets), side_name(side));
    return view;
  }
  const std::string_view body = message->text("body");
  view.conversation = side == BodySide::request ? bedrock::read_prompt(body) : bedrock::read_reply(body);
  if (!view.conversation) view.text = begins_like_json(body) ? readable(body) : std::string(body);
  return view;
}

}  // namespace borehole::app
