#include "app/line_output.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <utility>

#include "app/interruption.h"

namespace borehole::app {

namespace {

constexpr std::size_t most_waiting = 64 * 1024;

}  // namespace

LineOutput::LineOutput(int file, std::string name) : file_(file), name_(std::move(name)) {
  std::signal(SIGPIPE, SIG_IGN);
}

bool LineOutput::put(std::string_view text) {
  if (over_) return false;
  waiting_ += text;
  return waiting_.size() < most_waiting || flush();
}

bool LineOutput::flush() {
  std::string_view left = waiting_;
  while (!over_ && !left.empty()) {
    const ssize_t n = write(file_, left.data(), left.size());
    if (n >= 0) {
      left.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd ready{.fd = file_, .events = POLLOUT, .revents = 0};
      (void)poll(&ready, 1, -1);
      over_ = Interruption::requested();
    } else if (errno == EINTR) {
      over_ = Interruption::requested();
    } else {
      over_ = true;
      if (errno != EPIPE) failure_ = std::strerror(errno);
    }
  }
  waiting_.clear();
  return !over_;
}

int LineOutput::finish() {
  (void)flush();
  if (failure_.empty()) return 0;
  std::cerr << fmt::format("borehole: cannot write to {}: {}; make room, or write to another place\n", name_, failure_);
  return 1;
}

}  // namespace borehole::app
