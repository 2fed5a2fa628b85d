// Runs the user's command as if the wrapper were not there: the same terminal, process group, files and signals. Never
// reads or writes what passes between the command and its user.
#pragma once

#include <string>
#include <vector>

#include "app/client_environment.h"
#include "app/held_signals.h"
#include "base/result.h"

namespace borehole::app {

// Runs until it ends. The result is its exit status as a shell says it: 128+N after signal N. not_found: there is no
// such command; io_failed: there is, but it cannot be run.
// What the terminal sends (Ctrl-C, Ctrl-Z, a changed size) reaches the command by itself, since it is in the group in
// the foreground; what other processes send to us is passed on to it.
Result<int> run_in_foreground(const std::vector<std::string>& command, const Variables& variables,
                              const HeldSignals& signals);

}  // namespace borehole::app
