// How many sockets this process may have open, and how many it has: so that accepting ends before there is none left
// for the calls under way. Never closes anything.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>

namespace borehole::net {

// Any thread, once `set_room` was called.
class DescriptorBudget {
 public:
  // Without it there is room without end.
  void set_room(std::size_t sockets) noexcept { room_ = sockets; }

  void opened() noexcept { open_.fetch_add(1, std::memory_order_relaxed); }
  void closed() noexcept { open_.fetch_sub(1, std::memory_order_relaxed); }
  std::size_t open() const noexcept { return open_.load(std::memory_order_relaxed); }

  struct Clients {
    std::size_t served = 0;       // each of them may want a connection to its upstream at any time
    std::size_t refused = 0;      // … and these none
    std::size_t reclaimable = 0;  // sockets among those open that can be closed at once
  };
  bool room_for_a_call(const Clients& there) const noexcept { return fits(there, 2, margin()); }
  // For one that is only told why.
  bool room_for_a_refusal(const Clients& there) const noexcept { return fits(there, 1, margin() / 2); }

  // There was none for a call when somebody last asked: nothing is to be kept that nobody uses.
  void note(bool scarce) noexcept { scarce_.store(scarce, std::memory_order_relaxed); }
  bool scarce() const noexcept { return scarce_.load(std::memory_order_relaxed); }

 private:
  // Dials that try several addresses at once, upstreams beyond the first of an HTTP/2 connection.
  std::size_t margin() const noexcept { return std::max<std::size_t>(4, room_ / 16); }
  bool fits(const Clients& there, std::size_t more, std::size_t left) const noexcept {
    const std::size_t in_use = open() - std::min(open(), there.reclaimable);
    return std::max(in_use, 2 * there.served + there.refused) + more + left <= room_;
  }

  std::size_t room_ = std::numeric_limits<std::size_t>::max() / 2;
  std::atomic<std::size_t> open_{0};
  std::atomic<bool> scarce_{false};
};

}  // namespace borehole::net
