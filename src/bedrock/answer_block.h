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
    thinking,  // what the model thought; `redacted` in place of `text` where the provider hides it
    tool_use,
    other,  // images, results of tools: the JSON of each portion, a line each
  };
  Kind kind = Kind::text;
  std::uint64_t choice = 0;            // of an answer with several (OpenAI's `n`)
  std::string text;                    // of tool uses: the input
  bool text_is_json = false;           // of tool uses: the input came whole, and without blanks it stands in `text`
  std::string signature;               // of thinking
  std::string redacted;                // of thinking: base64 as it came
  std::string tool_id, tool_name;      // of tool uses
  std::vector<std::string> citations;  // JSON
};

}  // namespace borehole::bedrock
