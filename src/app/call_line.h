// A recorded call as the line that a serving proxy prints for it. Never reads the store.
#pragma once

#include <string>

#include "store/call_store.h"

namespace borehole::app {

// Ends in a newline. A record that cannot be read is told by its summary.
std::string call_line(const store::ReadCall& call, bool colours);

}  // namespace borehole::app
