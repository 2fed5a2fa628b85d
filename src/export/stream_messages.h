// The messages of a streamed answer out of its recorded body, with the time at which each had come. Never puts them
// together: that the record has done.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bedrock/json_value.h"

namespace borehole::exporting {

struct StreamMessage {
  std::string name;               // "contentBlockDelta", "chunk", an exception's name; of text/event-stream its type
  std::string id;                 // of text/event-stream
  std::string data;               // UTF-8; of a `chunk` what its base64 holds, where that is text
  bool exception = false;         // it ends the stream
  std::optional<double> time_ms;  // since the request's head had come to borehole
};

// In the order of the stream, as far as its body was kept. nullopt: the answer is no stream that can be read.
std::optional<std::vector<StreamMessage>> read_stream_messages(const bedrock::JsonValue& record);

}  // namespace borehole::exporting
