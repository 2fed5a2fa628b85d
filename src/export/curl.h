// A recorded call as a command of curl, unsigned, with a hint how to sign it. Never runs it, never holds a secret.
#pragma once

#include <string>

#include "bedrock/json_value.h"

namespace borehole::exporting {

// One command for a POSIX shell, with comments before it; ends in a newline. What cannot be sent again (a masked
// header, the part of a body that was not kept) is named in a comment.
std::string curl_command(const bedrock::JsonValue& record);

}  // namespace borehole::exporting
