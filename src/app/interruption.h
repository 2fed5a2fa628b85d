// SIGINT and SIGTERM as a wish to end, for commands that go on until told to stop. Never ends the process itself.
#pragma once

#include <signal.h>

#include <chrono>
#include <cstdint>

namespace borehole::app {

// One at a time, on the main thread. While it lives, both signals only set a flag; a blocked write fails with EINTR.
class Interruption {
 public:
  Interruption() noexcept;
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  static bool requested() noexcept;

  enum class Woken : std::uint8_t { in_time, requested, reader_gone, arrived };
  // Waits so long, or until a signal comes, or whoever reads the pipe `file` closes it, or there is something to read
  // at `source` (-1: nothing is).
  Woken wait(std::chrono::milliseconds time, int file, int source = -1) const noexcept;

 private:
  struct sigaction before_int_ {};
  struct sigaction before_term_ {};
};

}  // namespace borehole::app
