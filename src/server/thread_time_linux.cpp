#include <pthread.h>

#include <ctime>

#include "server/thread_time.h"

namespace borehole::server {

std::optional<Duration> cpu_time(std::thread& thread) noexcept {
  clockid_t clock{};
  timespec time{};
  if (!thread.joinable() || pthread_getcpuclockid(thread.native_handle(), &clock) != 0) return std::nullopt;
  if (clock_gettime(clock, &time) != 0) return std::nullopt;
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace borehole::server
