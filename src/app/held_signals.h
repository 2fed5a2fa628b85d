// Holds back the signals that a wrapper around a program deals with itself, until the process ends; they wait until
// they are asked for.
#pragma once

#include <csignal>

namespace borehole::app {

class HeldSignals {
 public:
  HeldSignals() noexcept {
    sigemptyset(&set_);
    for (const int number : {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT})
      sigaddset(&set_, number);
    sigprocmask(SIG_BLOCK, &set_, &mask_before_);
    struct sigaction usual {};  // ignored, as some start us, children would end without a status
    usual.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &usual, &child_before_);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  const sigset_t& set() const noexcept { return set_; }
  // As it was before; for the child, between fork and exec.
  void release() const noexcept {
    sigaction(SIGCHLD, &child_before_, nullptr);
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
  }

 private:
  sigset_t set_{}, mask_before_{};
  struct sigaction child_before_ {};
};

}  // namespace borehole::app
