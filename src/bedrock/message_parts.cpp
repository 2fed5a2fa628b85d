#include "bedrock/message_parts.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "bedrock/json_view.h"

namespace borehole::bedrock {

namespace {

namespace dom = simdjson::dom;

std::string json_text(dom::element element) { return simdjson::to_string(element); }

std::string string_or_json(dom::element element) {
  std::string_view text;
  return element.get(text) == simdjson::SUCCESS ? std::string(text) : json_text(element);
}

std::string string_at(dom::element element, std::string_view path) {
  return std::string(json_string(element, path).value_or(std::string_view()));
}

Part other_part(dom::element block) { return Part{Part::Kind::other, json_text(block), {}, {}, false}; }

Part thinking_part(std::string_view text) { return Part{Part::Kind::thinking, std::string(text), {}, {}, false}; }

Part tool_call(std::string id, std::string name, const std::optional<dom::element>& input) {
  return Part{Part::Kind::tool_call, input ? string_or_json(*input) : std::string(), std::move(name), std::move(id),
              false};
}

// Results hold blocks of their own; a person reads them as one text.
Part tool_result(std::string id, const std::optional<dom::element>& content, bool failed) {
  Part result{Part::Kind::tool_result, {}, {}, std::move(id), failed};
  std::vector<Part> parts;
  if (content) append_content(parts, *content);
  for (const Part& part : parts) {
    if (!result.text.empty()) result.text += '\n';
    result.text += part.kind == Part::Kind::attachment ? "[" + part.text + "]" : part.text;
  }
  return result;
}

std::string joined(std::string_view kind, std::string_view format, std::string_view name, const std::string& size) {
  std::string out(kind);
  for (const std::string_view word : {format, name, std::string_view(size)}) {
    if (word.empty()) continue;
    out += ' ';
    out += word;
  }
  return out;
}

// "data:image/png;base64,…" (RFC 2397), or the address of something elsewhere.
Part attachment_at(std::string_view kind, std::string_view url) {
  if (!url.starts_with("data:")) return attachment_part(joined(kind, "at", url, {}));
  const std::size_t comma = url.find(',');
  const std::string_view type = url.substr(5, url.find_first_of(";,") - 5);
  const std::string_view format = type.substr(type.find('/') + 1);
  return attachment_part(
      joined(kind, format, {}, comma == std::string_view::npos ? std::string() : base64_size(url.substr(comma + 1))));
}

// Converse and Nova: {"format", "name", "source": {"bytes" | "s3Location": {"uri"} | "text" | "content"}}
Part converse_attachment(std::string_view kind, dom::element block) {
  const std::string format = string_at(block, "format");
  const std::string name = string_at(block, "name");
  if (const auto bytes = json_string(block, "source/bytes")) {
    return attachment_part(joined(kind, format, name, base64_size(*bytes)));
  }
  if (const auto uri = json_string(block, "source/s3Location/uri")) {
    return attachment_part(joined(kind, format, name, "at " + std::string(*uri)));
  }
  return attachment_part(joined(kind, format, name, {}));
}

// Anthropic: {"source": {"type": "base64", "media_type", "data"} | {"type": "url", "url"} | …, "title"}
Part typed_attachment(std::string_view kind, dom::element block) {
  const std::string title = string_at(block, "title");
  if (const auto url = json_string(block, "source/url")) return attachment_at(kind, *url);
  const std::string type = string_at(block, "source/media_type");
  const std::string_view format = std::string_view(type).substr(type.find('/') + 1);
  const auto octets = json_string(block, "source/data");
  const bool plain = json_string(block, "source/type") == "text";
  return attachment_part(joined(kind, type.empty() ? std::string_view() : format, title,
                                !octets ? std::string()
                                : plain ? fmt::format("{} B", octets->size())
                                        : base64_size(*octets)));
}

// Blocks with a "type": Anthropic, OpenAI-shaped (chat and Responses), Mistral, Cohere.
bool append_typed(std::vector<Part>& parts, std::string_view type, dom::element block) {
  const auto text = json_string(block, "text");
  const bool is_text = type == "text" || type == "input_text" || type == "output_text";
  if (const auto said = type == "refusal" ? json_string(block, "refusal") : is_text ? text : std::nullopt) {
    parts.push_back(text_part(*said));
  } else if (type == "thinking" && json_string(block, "thinking")) {
    parts.push_back(thinking_part(*json_string(block, "thinking")));
  } else if (type == "redacted_thinking") {
    parts.push_back(thinking_part("[encrypted]"));
  } else if (type == "reasoning") {  // OpenAI Responses
    if (const auto summary = json_at(block, "summary")) {
      std::vector<Part> inner;
      append_content(inner, *summary);
      for (const Part& part : inner) parts.push_back(thinking_part(part.text));
    }
  } else if (text && type == "summary_text") {
    parts.push_back(text_part(*text));
  } else if (type == "tool_use" || type == "server_tool_use") {
    parts.push_back(tool_call(string_at(block, "id"), string_at(block, "name"), json_at(block, "input")));
  } else if (type.ends_with("tool_result")) {
    parts.push_back(tool_result(string_at(block, "tool_use_id"), json_at(block, "content"),
                                json_bool(block, "is_error").value_or(false)));
  } else if (type == "function_call") {
    parts.push_back(tool_call(string_at(block, "call_id"), string_at(block, "name"), json_at(block, "arguments")));
  } else if (type == "function_call_output") {
    parts.push_back(tool_result(string_at(block, "call_id"), json_at(block, "output"), false));
  } else if (type == "image" || type == "document") {
    parts.push_back(typed_attachment(type, block));
  } else if (type == "image_url" || type == "input_image") {
    auto url = json_string(block, "image_url/url");
    if (!url) url = json_string(block, "image_url");
    parts.push_back(url ? attachment_at("image", *url) : attachment_part("image"));
  } else if (type == "input_audio") {
    parts.push_back(attachment_part(joined("audio", json_string(block, "input_audio/format").value_or(""), {},
                                           base64_size(json_string(block, "input_audio/data").value_or("")))));
  } else {
    return false;
  }
  return true;
}

// Blocks that are named by their one member: Converse and Nova.
bool append_keyed(std::vector<Part>& parts, dom::element block) {
  if (const auto text = json_string(block, "text")) {
    parts.push_back(text_part(*text));
    return true;
  }
  for (const std::string_view kind : {"image", "document", "video", "audio"}) {
    if (const auto found = json_at(block, kind)) {
      parts.push_back(converse_attachment(kind, *found));
      return true;
    }
  }
  if (const auto use = json_at(block, "toolUse")) {
    parts.push_back(tool_call(string_at(*use, "toolUseId"), string_at(*use, "name"), json_at(*use, "input")));
  } else if (const auto result = json_at(block, "toolResult")) {
    parts.push_back(tool_result(string_at(*result, "toolUseId"), json_at(*result, "content"),
                                json_string(*result, "status") == "error"));
  } else if (const auto thought = json_string(block, "reasoningContent/reasoningText/text")) {
    parts.push_back(thinking_part(*thought));
  } else if (json_at(block, "reasoningContent/redactedContent")) {
    parts.push_back(thinking_part("[encrypted]"));
  } else if (const auto guarded = json_string(block, "guardContent/text/text")) {
    parts.push_back(text_part(*guarded));
  } else if (const auto cited = json_at(block, "citationsContent/content")) {
    append_content(parts, *cited);
  } else if (const auto json = json_at(block, "json")) {  // inside of tool results
    parts.push_back(text_part(json_text(*json)));
  } else if (json_at(block, "cachePoint")) {
    parts.push_back(attachment_part("cache point"));
  } else {
    return false;
  }
  return true;
}

// OpenAI-shaped and Mistral; Cohere has name and parameters side by side.
void append_tool_calls(std::vector<Part>& parts, dom::element message) {
  const auto calls = json_array(message, "tool_calls");
  if (!calls) return;
  for (const dom::element call : *calls) {
    if (json_at(call, "function")) {
      parts.push_back(
          tool_call(string_at(call, "id"), string_at(call, "function/name"), json_at(call, "function/arguments")));
    } else {
      parts.push_back(tool_call(string_at(call, "id"), string_at(call, "name"), json_at(call, "parameters")));
    }
  }
}

}  // namespace

Part text_part(std::string_view text) { return Part{Part::Kind::text, std::string(text), {}, {}, false}; }

Part attachment_part(std::string text) { return Part{Part::Kind::attachment, std::move(text), {}, {}, false}; }

std::string base64_size(std::string_view base64) {
  while (!base64.empty() && base64.back() == '=') base64.remove_suffix(1);
  return attachment_size(base64.size() * 3 / 4);
}

std::string attachment_size(std::uint64_t octets) {
  if (octets < 1000) return fmt::format("{} B", octets);
  if (octets < 1000 * 1000) return fmt::format("{:.0f} kB", static_cast<double>(octets) / 1e3);
  return fmt::format("{:.1f} MB", static_cast<double>(octets) / 1e6);
}

void append_content(std::vector<Part>& parts, dom::element content) {
  std::string_view text;
  dom::array blocks;
  if (content.get(text) == simdjson::SUCCESS) {
    parts.push_back(text_part(text));
  } else if (content.get(blocks) == simdjson::SUCCESS) {
    for (const dom::element block : blocks) append_content(parts, block);
  } else if (content.is_object()) {
    const auto type = json_string(content, "type");
    if (!(type ? append_typed(parts, *type, content) : append_keyed(parts, content))) {
      parts.push_back(other_part(content));
    }
  } else if (!content.is_null()) {
    parts.push_back(other_part(content));
  }
}

Turn read_message(dom::element message, std::string_view role_if_none) {
  Turn turn;
  turn.role = json_string(message, "role").value_or(role_if_none);
  for (const std::string_view path : {"reasoning_content", "reasoning"}) {  // beside the content: OpenAI-shaped
    if (const auto thought = json_string(message, path); thought && !thought->empty()) {
      turn.parts.push_back(thinking_part(*thought));
    }
  }
  const auto content = json_at(message, "content");
  if (turn.role == "tool") {
    turn.parts.push_back(tool_result(string_at(message, "tool_call_id"), content, false));
    return turn;
  }
  if (content) append_content(turn.parts, *content);
  if (const auto refusal = json_string(message, "refusal")) turn.parts.push_back(text_part(*refusal));
  append_tool_calls(turn.parts, message);
  return turn;
}

}  // namespace borehole::bedrock
