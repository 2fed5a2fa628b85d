#include "app/interruption.h"

#include <poll.h>

#include <csignal>

namespace borehole::app {

namespace {

volatile std::sig_atomic_t wish = 0;

extern "C" void note_wish(int /*signal*/) noexcept { wish = 1; }

}  // namespace

Interruption::Interruption() noexcept {
  wish = 0;
  struct sigaction action {};
  action.sa_handler = note_wish;  // without SA_RESTART: a write that waits for its reader ends
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &before_int_);
  sigaction(SIGTERM, &action, &before_term_);
}

Interruption::~Interruption() {
  sigaction(SIGINT, &before_int_, nullptr);
  sigaction(SIGTERM, &before_term_, nullptr);
}

bool Interruption::requested() noexcept { return wish != 0; }

Interruption::Woken Interruption::wait(std::chrono::milliseconds time, int file, int source) const noexcept {
  sigset_t both{}, before{};
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  // Blocked from the look at the flag to the wait, which lets them in: none comes in between.
  sigprocmask(SIG_BLOCK, &both, &before);
  auto woken = Woken::requested;
  if (!requested()) {
    pollfd watched[2] = {{.fd = file, .events = 0, .revents = 0}, {.fd = source, .events = POLLIN, .revents = 0}};
    const timespec limit{.tv_sec = time.count() / 1000, .tv_nsec = time.count() % 1000 * 1'000'000};
    const int ready = ppoll(watched, 2, &limit, &before);
    woken = requested()               ? Woken::requested
            : ready <= 0              ? Woken::in_time
            : watched[0].revents != 0 ? Woken::reader_gone
                                      : Woken::arrived;
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return woken;
}

}  // namespace borehole::app
