// What a record holds of a streamed answer (`response.answer`), as turns of a conversation. Never invents a text.
#pragma once

#include <optional>

#include "bedrock/conversation.h"
#include "bedrock/json_value.h"

namespace borehole::app {

// One turn for each of the answer's choices. nullopt: the record has no such answer, or one without content.
std::optional<bedrock::Conversation> recorded_answer(const bedrock::JsonValue& record);

}  // namespace borehole::app
