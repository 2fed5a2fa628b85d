// What the connections of one worker hold of messages on their way, and whether that is more than it should be. Never
// holds anything itself.
#pragma once

#include <cstddef>
#include <limits>

#include "server/counters.h"

namespace borehole::server {

// The worker's thread only.
class BufferBudget {
 public:
  explicit BufferBudget(Counter& shown) : shown_(shown) {}

  void set_limit(std::size_t bytes) noexcept { limit_ = bytes; }
  // What a connection holds has changed.
  void changed(std::size_t before, std::size_t now) noexcept {
    if (before == now) return;
    held_ += now - before;  // modulo
    shown_.set(held_);
  }
  // Then each connection may have little waiting before the other side is not read, and nothing new is begun. Whoever
  // reads goes on all the same: none waits for another's reader.
  bool spent() const noexcept { return held_ > limit_; }
  std::size_t limit() const noexcept { return limit_; }

 private:
  Counter& shown_;
  std::size_t held_ = 0;
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace borehole::server
