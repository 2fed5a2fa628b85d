// `borehole serve`: wires everything, runs until a signal, drains.
#pragma once

#include "app/command_line.h"

namespace borehole::app {

int serve(const CommandLine& line);  // the exit status

}  // namespace borehole::app
