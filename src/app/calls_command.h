// `borehole calls`: reads the store, while the proxy runs and while it does not. Never writes.
#pragma once

#include "app/command_line.h"

namespace borehole::app {

int calls_list(const CommandLine& line);
int calls_show(const CommandLine& line);

}  // namespace borehole::app
