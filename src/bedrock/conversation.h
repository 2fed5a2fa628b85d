// What was asked and what was answered, as turns of a conversation, read from a body of any model family by its shape.
// Never looks at the model's name, never invents a role or a text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace borehole::bedrock {

struct Part {
  enum class Kind : std::uint8_t {
    text,
    thinking,
    tool_call,    // `name` of the tool, `text` is its input as JSON
    tool_result,  // `text` of it; `failed` where the client says so
    attachment,   // what is no text: "image png 12 kB", "document pdf report 3 MB", "4 embeddings of 1024 numbers"
    other,        // a kind that is not known: its JSON
  };
  Kind kind = Kind::text;
  std::string text;
  std::string name;
  std::string id;  // what a tool's call and its result have in common
  bool failed = false;

  bool operator==(const Part&) const = default;
};

struct Turn {
  std::string role;  // as the body has it; "system", "user" or "assistant" where its shape alone tells
  std::vector<Part> parts;

  bool operator==(const Turn&) const = default;
};

struct Conversation {
  std::vector<Turn> turns;
  std::vector<std::string> tools;  // names of the tools that were offered

  bool operator==(const Conversation&) const = default;
};

// "12 kB": as attachments tell their size.
std::string attachment_size(std::uint64_t octets);

// nullopt: no JSON, or of a shape that is not known. Bodies above 64 MiB are not read.
std::optional<Conversation> read_prompt(Bytes body);
std::optional<Conversation> read_reply(Bytes body);

}  // namespace borehole::bedrock
