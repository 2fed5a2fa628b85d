// The bodies of a recorded call as a person reads them: a conversation where there is one. Never prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bedrock/conversation.h"
#include "bedrock/json_value.h"
#include "calls/record_reading.h"

namespace borehole::app {

using calls::BodySide;
using calls::header_of;
using calls::kept_body;

struct BodyView {
  std::uint64_t octets = 0;  // that were sent, kept or not
  // One of the next three is set, unless there was no body. Of streams the conversation is what the record put
  // together of them.
  std::optional<bedrock::Conversation> conversation;
  std::string text;  // JSON of another shape, laid out; or a text as it was sent
  std::string note;  // why nothing is shown, or what is there instead: "event stream, 1234 octets"
  bool truncated = false;
  std::string coding;  // that was undone: "gzip"
  std::optional<std::uint64_t> decoded_octets;
  std::string coding_error;  // what was wrong with it all the same
};

BodyView view_body(const bedrock::JsonValue& record, BodySide side);

// Why the configuration, or redaction, left nothing of it; empty: that is not what it was.
std::string why_no_body(const bedrock::JsonValue& record, BodySide side);

}  // namespace borehole::app
