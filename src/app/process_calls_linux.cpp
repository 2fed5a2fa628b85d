#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "app/process_calls.h"

namespace borehole::app {

void end_with_parent(pid_t parent) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);  // it has ended already
}

std::string own_executable() { return "/proc/self/exe"; }

void close_files_from(int first) noexcept {
  if (syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0U) == 0) return;  // Linux 5.9
  const long most = sysconf(_SC_OPEN_MAX);
  for (int fd = first; fd < most; ++fd) close(fd);
}

void shut_memory_in() noexcept {
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

std::optional<ArrivedSignal> wait_for_signal(const sigset_t& signals,
                                             std::optional<std::chrono::milliseconds> patience) noexcept {
  const auto end = std::chrono::steady_clock::now() + patience.value_or(std::chrono::milliseconds(0));
  for (;;) {
    siginfo_t arrived{};
    int number = 0;
    if (patience) {
      const auto left = std::max<std::chrono::nanoseconds>(end - std::chrono::steady_clock::now(), {});
      const timespec wait{static_cast<time_t>(left.count() / 1'000'000'000),
                          static_cast<long>(left.count() % 1'000'000'000)};
      number = sigtimedwait(&signals, &arrived, &wait);
      if (number < 0 && errno == EAGAIN) return std::nullopt;
    } else {
      number = sigwaitinfo(&signals, &arrived);
    }
    if (number > 0) return ArrivedSignal{number, arrived.si_code <= 0};  // SI_USER, SI_TKILL, SI_QUEUE (sigaction(2))
  }
}

}  // namespace borehole::app
