// One thread's event loop (libuv), its timers and wake-ups. Everything here belongs to the loop's thread unless said
// otherwise.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/clock.h"

namespace borehole::net {

class DescriptorBudget;

class Loop {
 public:
  Loop();
  ~Loop();  // closes what is left and waits for it
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();   // until stop() or nothing is left to wait for
  void stop();  // loop's thread
  // From now on its sockets count there. `budget` outlives the loop.
  void count_sockets(DescriptorBudget& budget) noexcept;
  // Sockets that TcpSocket::finish_and_close and deliver_and_reset still hold. 0: everything is delivered, or given up.
  std::size_t farewells() const noexcept;
  TimePoint now() const noexcept;  // steady_clock's now (a fresh reading, comparable between loops)
  // When the loop came back from waiting, as far as sockets made it: what is read in this turn could be read by then.
  TimePoint turn_began() const noexcept;

  struct State;
  State& state() noexcept { return *state_; }  // for net/ only

 private:
  std::unique_ptr<State> state_;
};

// Calls `fire` once after a delay. Destroying it, or stop(), cancels.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> fire);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void start(Duration delay);  // replaces an earlier start
  void stop() noexcept;

 private:
  struct State;
  State* state_;  // freed by libuv's close callback
};

// `send()` from any thread makes `fire` run on the loop's thread; several sends may become one. Does not keep the loop
// alive.
class Wakeup {
 public:
  Wakeup(Loop& loop, std::function<void()> fire);
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  void send() noexcept;  // any thread

 private:
  struct State;
  State* state_;
};

// Calls `fire` on the loop's thread for each arrival of a Unix signal. Does not keep the loop alive.
class SignalWatcher {
 public:
  SignalWatcher(Loop& loop, int signal, std::function<void()> fire);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  struct State;
  State* state_;
};

}  // namespace borehole::net
