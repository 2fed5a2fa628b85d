#include "app/recorded_answer.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "calls/record_reading.h"

namespace borehole::app {

namespace {

using bedrock::JsonValue;
using bedrock::Part;

// A portion of what is no text: a block of an Anthropic message, or the inside of one of Converse's.
void append_portion(std::vector<Part>& parts, std::string_view portion) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> inside{
      {{"toolUseId", "toolResult"}, {"format", "image"}, {"source", "image"}}};
  std::string block(portion);
  if (const auto value = JsonValue::parse(portion)) {
    for (const auto& [member, kind] : inside) {
      if (value->at(member) == nullptr || (kind == "image" && value->at("type") != nullptr)) continue;
      block = fmt::format(R"({{"{}":{}}})", kind, portion);
      break;
    }
  }
  const auto read = bedrock::read_reply(fmt::format(R"({{"content":[{}]}})", block));
  if (read && !read->turns.front().parts.empty()) {
    for (const Part& part : read->turns.front().parts) parts.push_back(part);
  } else {
    parts.push_back(Part{Part::Kind::other, std::string(portion), {}, {}, false});
  }
}

void append_block(std::vector<Part>& parts, const JsonValue& block) {
  const auto add = [&](Part::Kind kind, std::string_view text) {
    if (!text.empty()) parts.push_back(Part{kind, std::string(text), {}, {}, false});
  };
  const std::string_view type = block.text("type");
  if (type == "thinking" || type == "redacted_thinking") {
    add(Part::Kind::thinking, block.text("thinking"));
    if (type == "redacted_thinking") add(Part::Kind::thinking, "[encrypted]");
  } else if (type == "tool_use") {
    Part call{Part::Kind::tool_call, {}, std::string(block.text("name")), std::string(block.text("id")), false};
    const JsonValue* const input = block.at("input");
    if (input != nullptr && std::holds_alternative<std::string>(input->content())) {
      call.text = input->text("");
    } else if (input != nullptr) {
      calls::append_json(call.text, *input);
    }
    parts.push_back(std::move(call));
  } else if (type == "other") {
    for (std::string_view rest = block.text("text"); !rest.empty();) {
      const std::size_t end = rest.find('\n');
      append_portion(parts, rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
  } else {
    add(Part::Kind::text, block.text("text"));
  }
  if (const std::size_t citations = block.list("citations").size(); citations != 0) {
    add(Part::Kind::attachment, fmt::format("{} {}", citations, citations == 1 ? "citation" : "citations"));
  }
}

}  // namespace

std::optional<bedrock::Conversation> recorded_answer(const JsonValue& record) {
  const std::string_view role = record.text("response/answer/role");
  std::map<std::uint64_t, bedrock::Turn> choices;
  for (const JsonValue& block : record.list("response/answer/content")) {
    bedrock::Turn& turn = choices[block.count("choice").value_or(0)];
    turn.role = role.empty() ? "assistant" : role;
    append_block(turn.parts, block);
  }
  bedrock::Conversation out;
  for (auto& [number, turn] : choices) out.turns.push_back(std::move(turn));
  if (out.turns.empty()) return std::nullopt;
  return out;
}

}  // namespace borehole::app
