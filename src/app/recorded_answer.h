// What a record holds of a streamed answer (`response.answer`), and of what was said in a streamed request
// (`request.prompt`), as turns of a conversation. Never invents a text.
#pragma once

#include <optional>

#include "bedrock/conversation.h"
#include "bedrock/json_value.h"

namespace borehole::app {

// One turn for each of the answer's choices; several where it goes both ways. nullopt: the record has no such answer,
// or one without content. What the model planned to say is left out where the record has what it said then.
std::optional<bedrock::Conversation> recorded_answer(const bedrock::JsonValue& record);
std::optional<bedrock::Conversation> recorded_prompt(const bedrock::JsonValue& record);

}  // namespace borehole::app
