// What processes need of the system beyond POSIX; nothing here knows what they run.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>

namespace borehole::app {

// This process is sent SIGTERM when `parent` ends, however that ends. Where the system cannot do that, nothing happens.
// To be called in the child, between fork and exec.
void end_with_parent(pid_t parent) noexcept;

// The program that runs, also where its file was replaced since; empty: the system does not tell.
std::string own_executable();

// Closes every descriptor from `first` on.
void close_files_from(int first) noexcept;

// What lies in memory (the issuing key, prompts, credentials) goes into no core file, and no other process of this user
// may read it or attach a debugger.
void shut_memory_in() noexcept;

struct ArrivedSignal {
  int number = 0;
  bool by_a_process = false;  // kill() and the like; else the terminal or the kernel, which tell the whole group
};
// Waits for one of `signals`, which must be blocked; nullopt when `patience` is over.
std::optional<ArrivedSignal> wait_for_signal(const sigset_t& signals,
                                             std::optional<std::chrono::milliseconds> patience) noexcept;

}  // namespace borehole::app
