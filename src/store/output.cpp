#include "store/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace borehole::store {

namespace {

constexpr int longest_wait_ms = 5000;

Error failure(const char* reason) { return Error{ErrorCode::io_failed, Fault::proxy, reason}; }

}  // namespace

Result<void> write_all(int file, std::string_view text, std::size_t& written) {
  written = 0;
  while (written < text.size()) {
    const ssize_t n = write(file, text.data() + written, text.size() - written);
    if (n >= 0) {
      written += static_cast<std::size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return unexpected(failure(std::strerror(errno)));
    pollfd ready{.fd = file, .events = POLLOUT, .revents = 0};
    const int polled = poll(&ready, 1, longest_wait_ms);
    if (polled == 0) return unexpected(failure("nobody reads what is written"));
    if (polled < 0 && errno != EINTR) return unexpected(failure(std::strerror(errno)));
  }
  return {};
}

Result<void> write_stdout(std::string_view text) {
  static bool torn = false;  // the recorder's thread alone writes records there
  std::size_t written = 0;
  if (torn) {
    if (auto done = write_all(STDOUT_FILENO, "\n", written); !done) return done;
    torn = false;
  }
  auto done = write_all(STDOUT_FILENO, text, written);
  if (!done) {
    torn = written > 0;
    done.error().detail = "cannot write records to stdout: " + done.error().detail;
  }
  return done;
}

}  // namespace borehole::store
