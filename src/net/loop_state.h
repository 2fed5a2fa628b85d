// What a loop keeps for net/: handles that free themselves, tasks for the next turn, the shared read buffer. Never
// included outside net/.
#pragma once

#include <uv.h>

#include <array>
#include <cstddef>
#include <unordered_set>

#include "base/clock.h"
#include "net/loop.h"

namespace borehole::net {

// Base of every object that a libuv handle lives in. It is made with new; close() gives it to libuv, which frees it
// when its last callback is over. The handle's `data` is the Handle.
class Handle {
 public:
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  void close() noexcept {
    if (uv_is_closing(handle()) == 0) uv_close(handle(), &Handle::on_closed);
  }
  static Handle* of(const void* uv_handle) noexcept {
    return static_cast<Handle*>(static_cast<const uv_handle_t*>(uv_handle)->data);
  }

 protected:
  Handle() = default;
  virtual ~Handle() = default;
  virtual uv_handle_t* handle() noexcept = 0;

 private:
  static void on_closed(uv_handle_t* closed) noexcept { delete of(closed); }
};

// Runs once on the loop's next turn, outside of any libuv callback of a handle. cancel() it before it dies.
class Task {
 public:
  virtual void run() noexcept = 0;

 protected:
  ~Task() = default;

 private:
  friend struct Loop::State;
  Task* previous_ = nullptr;
  Task* next_ = nullptr;
  bool queued_ = false;
};

// Owns itself until it is done; a loop that ends deletes what is left.
class SelfOwned {
 public:
  explicit SelfOwned(Loop::State& loop);
  virtual ~SelfOwned();
  SelfOwned(const SelfOwned&) = delete;
  SelfOwned& operator=(const SelfOwned&) = delete;

 private:
  Loop::State& loop_;
};

struct Loop::State {
  State();
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void queue(Task& task) noexcept;   // again while queued: nothing changes
  void cancel(Task& task) noexcept;  // not queued: nothing

  // The first reading of the clock in this turn; sockets ask before they hand on what they read.
  TimePoint turn_began() noexcept {
    if (!turn_marked_) {
      turn_began_ = std::chrono::steady_clock::now();
      turn_marked_ = true;
    }
    return turn_began_;
  }

  uv_loop_t uv{};
  std::array<char, std::size_t{64} * 1024> read_buffer;  // one read at a time: a view into it lives during a callback
  std::unordered_set<SelfOwned*> self_owned;
  DescriptorBudget* descriptors = nullptr;  // null: nobody counts

 private:
  void unlink(Task& task) noexcept;
  static void on_idle(uv_idle_t* idle) noexcept;
  static void on_prepare(uv_prepare_t* prepare) noexcept;

  uv_prepare_t prepare_{};
  TimePoint turn_began_{};
  bool turn_marked_ = false;
  uv_idle_t idle_{};  // active while tasks wait, so that the loop does not sleep
  Task* first_ = nullptr;
  Task* last_ = nullptr;
};

// Whole milliseconds, rounded up: a timer is never early.
std::uint64_t to_milliseconds(Duration delay) noexcept;

}  // namespace borehole::net
