// A bounded queue between threads: many producers, one consumer. Never blocks a producer; a full queue refuses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace borehole {

// The bound is on the sum of `cost`s (bytes, by convention), so that a few large records cannot exhaust memory.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t max_cost) : max_cost_(max_cost) {}

  // Any thread. False, and one more in `dropped()`, when it is full. `was_empty` says whether a wake-up is needed.
  bool push(T item, std::size_t cost, bool* was_empty = nullptr) {
    const std::lock_guard lock(mutex_);
    if (was_empty != nullptr) *was_empty = items_.empty();
    if (cost_ + cost > max_cost_ && !items_.empty()) {
      ++dropped_;
      return false;
    }
    items_.push_back(std::move(item));
    cost_ += cost;
    return true;
  }

  // The consumer's thread. Takes everything; `into` is emptied first.
  void drain(std::vector<T>& into) {
    into.clear();
    const std::lock_guard lock(mutex_);
    items_.swap(into);
    cost_ = 0;
  }

  // The sum of what waits.
  std::size_t cost() const {
    const std::lock_guard lock(mutex_);
    return cost_;
  }

  std::uint64_t dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<T> items_;
  std::size_t cost_ = 0;
  std::size_t max_cost_;
  std::uint64_t dropped_ = 0;
};

}  // namespace borehole
