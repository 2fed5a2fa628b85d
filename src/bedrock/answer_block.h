// A piece of what a model answered, or of what it was told in a stream, whichever family it is of; holds what was told,
// never what was not.
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
    other,        // images, results of tools: the JSON of each portion, a line each
    tool_result,  // that a client sent in a stream: `tool_id`, `text`, `failed`
    audio,        // `media_type` and `octets` of it; the sound itself is in the body alone
  };
  Kind kind = Kind::text;
  std::uint64_t choice = 0;            // of an answer with several (OpenAI's `n`)
  std::string text;                    // of tool uses: the input
  bool text_is_json = false;           // of tool uses: the input came whole, and without blanks it stands in `text`
  std::string signature;               // of thinking
  std::string redacted;                // of thinking: base64 as it came
  std::string tool_id, tool_name;      // of tool uses
  std::vector<std::string> citations;  // JSON
  // Of a conversation that goes both ways: who says it, in lower case ("user"); else empty, and the answer's role
  // holds.
  std::string role;
  std::string stage;  // of spoken text, as the model writes it: "SPECULATIVE" (about to be said), "FINAL" (was said)
  std::string media_type;
  std::uint64_t octets = 0;  // of audio, base64 undone
  bool failed = false;
};

}  // namespace borehole::bedrock
