// The CPU time that a thread has used. Costs the thread nothing.
#pragma once

#include <optional>
#include <thread>

#include "base/clock.h"

namespace borehole::server {

// Any thread may ask. Nothing: the thread has ended, or the system does not tell.
std::optional<Duration> cpu_time(std::thread& thread) noexcept;

}  // namespace borehole::server
