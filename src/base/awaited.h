// A value that another thread finds out, or not: set once, read by any thread. Never computes it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace borehole {

template <class T>
class Awaited {
 public:
  // Nothing: it cannot be known. Only the first time counts.
  void settle(std::optional<T> value) noexcept {
    const std::lock_guard lock(mutex_);
    if (settled_) return;
    value_ = std::move(value);
    settled_ = true;
    settling_.notify_all();
  }
  // Nothing also as long as it is not settled.
  std::optional<T> value() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void wait_for(Duration patience) const {
    std::unique_lock lock(mutex_);
    settling_.wait_for(lock, patience, [this] { return settled_; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable settling_;
  std::optional<T> value_;
  bool settled_ = false;
};

}  // namespace borehole
