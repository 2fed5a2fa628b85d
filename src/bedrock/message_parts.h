// The parts of a message's content: texts, tools, attachments, in every family's writing of them. Never fails: what is
// not known is passed on as JSON.
#pragma once

#include <string>
#include <vector>

#include <simdjson.h>

#include "bedrock/conversation.h"

namespace borehole::bedrock {

// A message: {"role", "content"} and the members that some families keep beside it.
Turn read_message(simdjson::dom::element message, std::string_view role_if_none);

// Content: a text, one block, or a list of either.
void append_content(std::vector<Part>& parts, simdjson::dom::element content);

// "12 kB" for so many characters of base64.
std::string base64_size(std::string_view base64);

Part text_part(std::string_view text);
Part attachment_part(std::string text);

}  // namespace borehole::bedrock
