#include "app/own_proxy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

#include "app/client_environment.h"
#include "app/process_calls.h"

namespace borehole::app {

namespace {

constexpr int report_descriptor = 3;  // in the proxy
constexpr std::chrono::milliseconds short_while{2000};

Error failure(std::string detail) { return {ErrorCode::io_failed, Fault::proxy, std::move(detail)}; }

// Gone with its last descriptor. -1 with errno.
int nameless_file() {
  const char* folder = std::getenv("TMPDIR");
  std::string path = std::string(folder != nullptr && *folder != 0 ? folder : "/tmp") + "/borehole-run-XXXXXX";
  const int fd = mkostemp(path.data(), O_CLOEXEC | O_APPEND);
  if (fd >= 0) unlink(path.c_str());
  return fd;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    if (end > at) lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::vector<std::string> arguments_for(const CommandLine& line) {
  std::vector<std::string> arguments{"borehole", "serve", "--report-to", std::to_string(report_descriptor)};
  const auto option = [&](const char* name, const std::string& value) {
    arguments.emplace_back(name);
    arguments.push_back(value);
  };
  if (line.config_file) option("--config", *line.config_file);
  for (const auto& set : line.sets) option("--set", set);
  if (line.listens.empty()) option("--listen", "127.0.0.1:0");
  for (const auto& listen : line.listens) option("--listen", listen);
  option("--admin", line.admin.value_or("127.0.0.1:0"));
  return arguments;
}

}  // namespace

Result<std::unique_ptr<OwnProxy>> OwnProxy::start(const CommandLine& line) {
  auto proxy = std::unique_ptr<OwnProxy>(new OwnProxy);
  proxy->log_ = nameless_file();
  if (proxy->log_ >= 0) proxy->report_ = nameless_file();
  if (proxy->report_ < 0) {
    return unexpected(
        failure(fmt::format("no temporary file can be made ({}): set TMPDIR to a folder that you can "
                            "write to",
                            std::strerror(errno))));
  }
  std::array<int, 2> out{};
  if (pipe2(out.data(), O_CLOEXEC) != 0) {
    return unexpected(failure(fmt::format("no pipe can be made: {}", std::strerror(errno))));
  }
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child == 0) proxy->become(line, self, out[1]);
  const int reason = errno;
  close(out[1]);
  proxy->process_ = child;
  const bool ready = child > 0 && proxy->wait_until_ready(out[0]);
  close(out[0]);
  if (child < 0) return unexpected(failure(fmt::format("no process can be made: {}", std::strerror(reason))));
  if (ready) return proxy;
  proxy->ended(true);
  std::string said = content_of(proxy->log_);
  while (!said.empty() && said.back() == '\n') said.pop_back();
  if (said.empty()) said = "borehole: the proxy ended before it was ready; run `borehole serve` to see why";
  const bool usage = WIFEXITED(proxy->end_status_) && WEXITSTATUS(proxy->end_status_) == 2;
  return unexpected(Error{usage ? ErrorCode::config_invalid : ErrorCode::io_failed, Fault::proxy, std::move(said)});
}

// A session of its own: neither Ctrl-C nor the terminal's end reach it.
void OwnProxy::become(const CommandLine& line, pid_t parent, int out) const {
  end_with_parent(parent);
  setsid();
  const int nothing = open("/dev/null", O_RDONLY);
  // The report first goes where none of the others is.
  const int report = fcntl(report_, F_DUPFD, 10);
  const int log = fcntl(log_, F_DUPFD, 10);
  const int pipe = fcntl(out, F_DUPFD, 10);
  dup2(nothing, STDIN_FILENO);
  dup2(pipe, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  dup2(report, report_descriptor);
  close_files_from(report_descriptor + 1);
  const auto words = arguments_for(line);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execv(own_executable().c_str(), arguments.data());
  std::cerr << "borehole: the program cannot start itself (" << std::strerror(errno) << "): is /proc there?\n";
  _exit(1);
}

bool OwnProxy::wait_until_ready(int out) {
  constexpr std::string_view before = "listening proxy=";
  std::string said;
  char piece[1024];
  for (;;) {
    const ssize_t n = read(out, piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    said.append(piece, static_cast<std::size_t>(n));
    const auto begin = said.find(before);
    const auto end = begin == std::string::npos ? begin : said.find('\n', begin);
    if (end == std::string::npos) continue;
    const auto first = begin + before.size();
    const auto printed = parse_printed(said.substr(first, said.find(' ', first) - first));
    if (!printed) return false;
    address_ = reachable({*printed});
    return true;
  }
}

bool OwnProxy::ended(bool wait) {
  if (process_ < 0) return true;
  pid_t told = 0;
  do told = waitpid(process_, &end_status_, wait ? 0 : WNOHANG);
  while (told < 0 && errno == EINTR);
  if (told == 0) return false;
  process_ = -1;
  return true;
}

void OwnProxy::stop(const HeldSignals& signals) {
  if (ended(false)) return;
  asked_to_end_ = true;
  // The Ctrl-C that ended the command was sent to this process too, and is not meant for the proxy.
  while (wait_for_signal(signals.set(), std::chrono::milliseconds(0))) {
  }
  kill(process_, SIGTERM);
  bool said = false;
  while (!ended(false)) {
    const auto signal = wait_for_signal(signals.set(), short_while);
    if (!signal && !said) {
      std::cerr << "borehole: waiting for calls under way, of a process that the command has left behind; Ctrl-C ends "
                   "them\n";
      said = true;
    }
    if (signal && (signal->number == SIGINT || signal->number == SIGTERM || signal->number == SIGHUP ||
                   signal->number == SIGQUIT)) {
      kill(process_, SIGTERM);  // the second one ends it at once
    }
  }
}

OwnProxy::~OwnProxy() {
  if (!ended(false)) {
    kill(process_, SIGKILL);
    ended(true);
  }
  if (log_ >= 0) close(log_);
  if (report_ >= 0) close(report_);
}

std::string OwnProxy::content_of(int file) {
  std::string content;
  char piece[16 * 1024];
  ssize_t n = 0;
  while ((n = pread(file, piece, sizeof piece, static_cast<off_t>(content.size()))) > 0) {
    content.append(piece, static_cast<std::size_t>(n));
  }
  return content;
}

std::vector<std::string> OwnProxy::records() const { return lines_of(content_of(report_)); }

std::vector<std::string> OwnProxy::problems() const {
  std::vector<std::string> found;
  for (const auto& line : lines_of(content_of(log_))) {
    const auto holds = [&](std::string_view part) { return line.find(part) != std::string::npos; };
    const bool quiet =
        holds("Z info ") || holds("Z debug ") || holds("\"level\":\"info\"") || holds("\"level\":\"debug\"");
    if (!quiet) found.push_back(line);
  }
  if (WIFSIGNALED(end_status_)) {
    found.push_back(fmt::format("it was ended by signal {}", WTERMSIG(end_status_)));
  } else if (WEXITSTATUS(end_status_) != 0) {
    found.push_back(fmt::format("it ended with status {}", WEXITSTATUS(end_status_)));
  } else if (!asked_to_end_) {
    found.emplace_back("it ended before the command did");
  }
  return found;
}

}  // namespace borehole::app
