// One call as a line for a person. Control characters never reach the terminal.
#pragma once

#include <string>

#include "calls/call_record.h"

namespace borehole::store {

// `15:04:05 200 Converse us.anthropic.claude-… in 12 out 34 tokens 1234 ms`, ended by a newline; what is not known is
// left out, an outcome other than complete is said with its error. The time is the machine's local one.
std::string terminal_line(const calls::CallRecord& record, bool colours);

}  // namespace borehole::store
