// The bodies of a recorded call as a person reads them: a conversation where there is one. Never prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bedrock/conversation.h"
#include "bedrock/json_value.h"

namespace borehole::app {

enum class BodySide : std::uint8_t { request, response };

struct BodyView {
  std::uint64_t octets = 0;  // that were sent, kept or not
  // One of the next three is set, unless there was no body. Of a streamed answer the conversation is what the record
  // put together of it.
  std::optional<bedrock::Conversation> conversation;
  std::string text;  // JSON of another shape, laid out; or a text as it was sent
  std::string note;  // why nothing is shown, or what is there instead: "event stream, 1234 octets"
  bool truncated = false;
  std::string coding;  // that was undone: "gzip"
  std::optional<std::uint64_t> decoded_octets;
  std::string coding_error;  // what was wrong with it all the same
};

BodyView view_body(const bedrock::JsonValue& record, BodySide side);

// The octets as they were kept. nullopt: none were, though there were some.
std::optional<std::string> kept_body(const bedrock::JsonValue& record, BodySide side);

// The first field of this name (case-insensitive) in one of the record's header lists; empty where there is none.
std::string_view header_of(const bedrock::JsonValue& record, BodySide side, std::string_view name);

}  // namespace borehole::app
