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
  } else if (type == "tool_result") {
    parts.push_back(Part{Part::Kind::tool_result,
                         std::string(block.text("content")),
                         {},
                         std::string(block.text("tool_use_id")),
                         block.flag("is_error").value_or(false)});
  } else if (type == "audio") {
    const std::string_view media = block.text("media_type");
    const std::string format(media.substr(media.find('/') + 1));
    add(Part::Kind::attachment, fmt::format("audio {}{}{}", format, format.empty() ? "" : " ",
                                            bedrock::attachment_size(block.count("bytes").value_or(0))));
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

// Blocks that name no role are `role`'s.
std::optional<bedrock::Conversation> turns_of(const JsonValue::List& blocks, std::string_view role) {
  std::map<std::string_view, std::size_t> said;  // by role: behind which block nothing is known to have been said
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].text("stage") == "FINAL") said[blocks[i].text("role")] = i;
  }
  std::map<std::uint64_t, std::vector<bedrock::Turn>> choices;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const JsonValue& block = blocks[i];
    const std::string_view own = block.text("role");
    if (block.text("stage") == "SPECULATIVE" && said.contains(own) && i < said[own]) continue;
    const std::string_view whose = own.empty() ? role : own;
    auto& turns = choices[block.count("choice").value_or(0)];
    if (turns.empty() || turns.back().role != whose) turns.push_back({std::string(whose), {}});
    append_block(turns.back().parts, block);
  }
  bedrock::Conversation out;
  for (auto& [number, turns] : choices) {
    for (bedrock::Turn& turn : turns) out.turns.push_back(std::move(turn));
  }
  if (out.turns.empty()) return std::nullopt;
  return out;
}

}  // namespace

std::optional<bedrock::Conversation> recorded_answer(const JsonValue& record) {
  const std::string_view role = record.text("response/answer/role");
  return turns_of(record.list("response/answer/content"), role.empty() ? "assistant" : role);
}

std::optional<bedrock::Conversation> recorded_prompt(const JsonValue& record) {
  auto out = turns_of(record.list("request/prompt/content"), "user");
  const JsonValue::List& tools = record.list("request/prompt/tools");
  if (!out && !tools.empty()) out.emplace();
  for (const JsonValue& tool : tools) out->tools.emplace_back(tool.text(""));
  return out;
}

}  // namespace borehole::app
