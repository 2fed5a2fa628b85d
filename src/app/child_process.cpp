#include "app/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX has no header for it

namespace borehole::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t most_output = std::size_t{1024} * 1024;
constexpr std::size_t most_input = std::size_t{32} * 1024;  // a pipe takes that whole, so writing never blocks
constexpr milliseconds tick{10};  // how late an end is noticed if the program's own children keep its output open

struct Pipe {
  int read_end = -1;
  int write_end = -1;

  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_one(read_end);
    close_one(write_end);
  }
  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read_end = ends[0];
    write_end = ends[1];
    return true;
  }
  static void close_one(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

Error cannot_run(const std::string& program, int error) {
  return {ErrorCode::io_failed, Fault::proxy, fmt::format("{} cannot be run: {}", program, std::strerror(error))};
}

// As execve wants them: valid while `texts` is.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

class Spawning {
 public:
  Spawning() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;
  ~Spawning() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  // 0, or the error.
  int start(const ChildCommand& command, int input, int out, int error, pid_t& child) {
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, error, STDERR_FILENO);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    unsigned flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (command.terminal == Terminal::withheld) flags |= POSIX_SPAWN_SETSID;
    posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
    const auto argv = pointers(command.arguments);
    std::vector<char*> given;
    if (command.environment) given = pointers(*command.environment);
    return ::posix_spawnp(&child, argv[0], &actions_, &attributes_, argv.data(),
                          command.environment ? given.data() : environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// Reads what is there; closes the end when nothing more can come.
void drain(int& fd, std::string& into) {
  std::array<char, 4096> chunk{};
  while (fd >= 0) {
    const ssize_t n = ::read(fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      Pipe::close_one(fd);
      return;
    }
    into.append(chunk.data(), std::min(static_cast<std::size_t>(n), most_output - into.size()));
  }
}

int exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// True once the child is gone; its status is in the outcome then.
bool is_gone(pid_t child, ChildOutcome& outcome) {
  int status = 0;
  pid_t got = 0;
  do {
    got = ::waitpid(child, &status, WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return false;
  outcome.status = got == child ? exit_status(status) : 127;
  return true;
}

void follow(pid_t child, const ChildCommand& command, Pipe& out, Pipe& error, ChildOutcome& outcome) {
  const auto deadline = steady_clock::now() + command.limit;
  for (;;) {
    std::array<pollfd, 2> ends{{{out.read_end, POLLIN, 0}, {error.read_end, POLLIN, 0}}};  // -1 is passed over
    const bool ended = out.read_end < 0 && error.read_end < 0;
    (void)::poll(ends.data(), ends.size(), ended ? 1 : static_cast<int>(tick.count()));
    const bool gone = is_gone(child, outcome);  // before the last reading, so that nothing it wrote is missed
    drain(out.read_end, outcome.out);
    drain(error.read_end, outcome.error);
    if (gone) return;
    if (steady_clock::now() < deadline) continue;
    outcome.timed_out = true;
    outcome.status = 128 + SIGKILL;
    int status = 0;
    if (::kill(child, SIGKILL) == 0) ::waitpid(child, &status, 0);  // another user's, sudo's, is left alone
    return;
  }
}

}  // namespace

Result<ChildOutcome> run_child(const ChildCommand& command) {
  const std::string& program = command.arguments.front();
  Pipe input;
  Pipe out;
  Pipe error;
  if (command.input.size() > most_input) return unexpected(cannot_run(program, E2BIG));
  if (!input.open() || !out.open() || !error.open()) return unexpected(cannot_run(program, errno));
  const auto size = static_cast<ssize_t>(command.input.size());
  if (size > 0 && ::write(input.write_end, command.input.data(), command.input.size()) != size) {
    return unexpected(cannot_run(program, errno));
  }
  Pipe::close_one(input.write_end);

  pid_t child = 0;
  const int failed = Spawning().start(command, input.read_end, out.write_end, error.write_end, child);
  if (failed != 0) return unexpected(cannot_run(program, failed));
  Pipe::close_one(input.read_end);
  Pipe::close_one(out.write_end);
  Pipe::close_one(error.write_end);
  for (const int fd : {out.read_end, error.read_end}) {
    (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  }
  ChildOutcome outcome;
  follow(child, command, out, error, outcome);
  return outcome;
}

std::string find_program(const std::string& name, const std::string& path) {
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    const std::string folder = path.substr(at, end - at);
    at = end + 1;
    if (folder.empty()) continue;  // the current folder, by POSIX: never a good place to run from
    std::string program = fmt::format("{}/{}", folder, name);
    struct stat status {};
    if (::stat(program.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(program.c_str(), X_OK) == 0) {
      return program;
    }
  }
  return {};
}

}  // namespace borehole::app
