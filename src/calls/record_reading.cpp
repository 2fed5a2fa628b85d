#include "calls/record_reading.h"

#include <fmt/format.h>

#include <utility>

#include "base/ignoring_case.h"
#include "bedrock/fields.h"
#include "bedrock/text.h"
#include "calls/utf8.h"

namespace borehole::calls {

using bedrock::JsonValue;

std::string_view side_name(BodySide side) noexcept { return side == BodySide::request ? "request" : "response"; }

std::string_view header_of(const JsonValue& record, BodySide side, std::string_view name) {
  for (const JsonValue& field : record.list(fmt::format("{}/headers", side_name(side)))) {
    if (equals_ignoring_case(field.text("0"), name)) return field.text("1");
  }
  return {};
}

std::optional<std::string> kept_body(const JsonValue& record, BodySide side) {
  const JsonValue* message = record.at(side_name(side));
  if (message == nullptr) return std::nullopt;
  const JsonValue* body = message->at("body");
  if (body == nullptr) return message->count("body_bytes").value_or(0) == 0 ? std::optional("") : std::nullopt;
  if (message->text("body_encoding") == "base64") return bedrock::base64_decode(body->text(""));
  return std::string(body->text(""));
}

void append_json(std::string& out, const JsonValue& value) {
  const auto& content = value.content();
  if (const auto* members = std::get_if<JsonValue::Object>(&content)) {
    std::string_view before = "{";
    for (const auto& [name, member] : *members) {
      out += std::exchange(before, ",");
      append_json_string(out, name);
      out += ':';
      append_json(out, member);
    }
    out += members->empty() ? "{}" : "}";
  } else if (const auto* items = std::get_if<JsonValue::List>(&content)) {
    std::string_view before = "[";
    for (const JsonValue& item : *items) {
      out += std::exchange(before, ",");
      append_json(out, item);
    }
    out += items->empty() ? "[]" : "]";
  } else if (const auto* text = std::get_if<std::string>(&content)) {
    append_json_string(out, *text);
  } else if (const auto* flag = std::get_if<bool>(&content)) {
    out += *flag ? "true" : "false";
  } else if (const auto* number = std::get_if<std::int64_t>(&content)) {
    out += std::to_string(*number);
  } else if (const auto* count = std::get_if<std::uint64_t>(&content)) {
    out += std::to_string(*count);
  } else if (const auto* real = std::get_if<double>(&content)) {
    out += fmt::format("{}", *real);
  } else {
    out += "null";
  }
}

}  // namespace borehole::calls
