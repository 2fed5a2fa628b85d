#include "app/foreground_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "app/process_calls.h"
#include "base/log.h"

namespace borehole::app {

namespace {

Error io_error(std::string detail) { return {ErrorCode::io_failed, Fault::client, std::move(detail)}; }

Error cannot_run(const std::string& name, int reason) {
  const std::string shown = log::escaped(name);
  if (reason == ENOENT && name.find('/') != std::string::npos && access(name.c_str(), F_OK) == 0) {
    return io_error(
        fmt::format("{} cannot be run: the interpreter that its first line names is missing; install it, or "
                    "mend the line",
                    shown));
  }
  if (reason == ENOENT) {
    return {ErrorCode::not_found, Fault::client,
            fmt::format("there is no command {}: mend its name, or give its path", shown)};
  }
  return io_error(fmt::format("{} cannot be run ({}): name a program, and make it executable with chmod +x", shown,
                              std::strerror(reason)));
}

[[noreturn]] void become(const std::vector<std::string>& command, const Variables& variables,
                         const HeldSignals& signals, int report) {
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  signals.release();
  execvp(arguments.front(), arguments.data());
  const int reason = errno;
  (void)!write(report, &reason, sizeof reason);
  _exit(127);
}

// It was stopped by what did not stop us too: then we stop as well, so that the shell above takes the terminal back.
void stop_with(pid_t child, int number) {
  if (number == SIGSTOP || getpgid(child) != getpgrp()) raise(SIGSTOP);
}

int wait_for(pid_t child, const HeldSignals& signals) {
  bool stopped = false;
  for (;;) {
    int status = 0;
    const pid_t told = waitpid(child, &status, WNOHANG | WUNTRACED | WCONTINUED);
    if (told == child && WIFEXITED(status)) return WEXITSTATUS(status);
    if (told == child && WIFSIGNALED(status)) return 128 + WTERMSIG(status);
    if (told == child) {
      stopped = WIFSTOPPED(status);
      if (stopped) stop_with(child, WSTOPSIG(status));
      continue;
    }
    if (told < 0 && errno != EINTR) return 1;  // not ours any more: nothing else waits for it
    const auto signal = wait_for_signal(signals.set(), std::nullopt);
    if (!signal || signal->number == SIGCHLD) continue;
    if (signal->number == SIGCONT) {
      if (stopped) kill(child, SIGCONT);
    } else if (signal->by_a_process) {
      kill(child, signal->number);
    }
  }
}

}  // namespace

Result<int> run_in_foreground(const std::vector<std::string>& command, const Variables& variables,
                              const HeldSignals& signals) {
  std::array<int, 2> report{};
  if (pipe2(report.data(), O_CLOEXEC) != 0) {
    return unexpected(io_error(fmt::format("no pipe can be made: {}", std::strerror(errno))));
  }
  const pid_t child = fork();
  if (child == 0) become(command, variables, signals, report[1]);
  close(report[1]);
  int reason = child < 0 ? errno : 0;
  if (child > 0) {
    ssize_t n = 0;
    do n = read(report[0], &reason, sizeof reason);
    while (n < 0 && errno == EINTR);
    if (n <= 0) reason = 0;
  }
  close(report[0]);
  if (child < 0) return unexpected(cannot_run(command.front(), reason));
  const int status = wait_for(child, signals);
  if (reason != 0) return unexpected(cannot_run(command.front(), reason));
  return status;
}

}  // namespace borehole::app
