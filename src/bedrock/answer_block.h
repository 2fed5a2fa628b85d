// A piece of what a model answered, whichever family it is of; holds what was told, never what was not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace borehole::bedrock {

// One block of content, in the order in which blocks began.
struct AnswerBlock {
  enum class Kind : std::uint8_t {
    text,
    reasoning,  // what the model thought; `redacted` where the provider hides it
    tool_use,
    other,  // images, results of tools: the JSON of each portion, a line each
  };
  Kind kind = Kind::text;
  std::uint64_t choice = 0;            // of an answer with several (OpenAI's `n`)
  std::string text;                    // of tool calls: the arguments, JSON unless the stream was cut
  std::string signature;               // of reasoning
  std::string redacted;                // of reasoning: base64 as it came
  std::string tool_id, tool_name;      // of tool calls
  std::vector<std::string> citations;  // JSON, as they came
};
std::string_view block_kind_name(AnswerBlock::Kind kind) noexcept;  // "text", "reasoning", "tool_use", "other"

}  // namespace borehole::bedrock
