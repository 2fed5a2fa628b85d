#include "net/loop.h"

#include <uv.h>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "net/loop_state.h"

namespace borehole::net {

namespace {

void require(int status, const char* what) {
  if (status != 0) throw std::runtime_error(std::string(what) + ": " + uv_strerror(status));
}

// libuv writes with write(2): a connection that has gone must be an error code, not the end of the process.
void ignore_sigpipe() {
  static std::once_flag once;
  std::call_once(once, [] { std::signal(SIGPIPE, SIG_IGN); });
}

}  // namespace

std::uint64_t to_milliseconds(Duration delay) noexcept {
  if (delay <= Duration::zero()) return 0;
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(delay).count());
}

SelfOwned::SelfOwned(Loop::State& loop) : loop_(loop) { loop_.self_owned.insert(this); }
SelfOwned::~SelfOwned() { loop_.self_owned.erase(this); }

Loop::State::State() {
  ignore_sigpipe();
  require(uv_loop_init(&uv), "cannot make an event loop");
  uv_idle_init(&uv, &idle_);
  idle_.data = this;
  uv_prepare_init(&uv, &prepare_);
  prepare_.data = this;
  uv_prepare_start(&prepare_, &State::on_prepare);
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
}

Loop::State::~State() {
  while (!self_owned.empty()) delete *self_owned.begin();
  idle_.data = nullptr;
  prepare_.data = nullptr;
  const auto close_left = [](uv_handle_t* left, void*) noexcept {
    if (left->data != nullptr) {
      Handle::of(left)->close();
    } else if (uv_is_closing(left) == 0) {
      uv_close(left, nullptr);
    }
  };
  do {
    uv_walk(&uv, close_left, nullptr);
    uv_run(&uv, UV_RUN_DEFAULT);
  } while (uv_loop_close(&uv) == UV_EBUSY);
}

void Loop::State::queue(Task& task) noexcept {
  if (task.queued_) return;
  task.queued_ = true;
  task.previous_ = last_;
  task.next_ = nullptr;
  (last_ == nullptr ? first_ : last_->next_) = &task;
  last_ = &task;
  uv_idle_start(&idle_, &State::on_idle);
}

void Loop::State::cancel(Task& task) noexcept {
  if (task.queued_) unlink(task);
}

void Loop::State::unlink(Task& task) noexcept {
  (task.previous_ == nullptr ? first_ : task.previous_->next_) = task.next_;
  (task.next_ == nullptr ? last_ : task.next_->previous_) = task.previous_;
  task.previous_ = task.next_ = nullptr;
  task.queued_ = false;
  if (first_ == nullptr) uv_idle_stop(&idle_);
}

// What comes behind it is waiting, and then the next turn.
void Loop::State::on_prepare(uv_prepare_t* prepare) noexcept {
  static_cast<State*>(prepare->data)->turn_marked_ = false;
}

void Loop::State::on_idle(uv_idle_t* idle) noexcept {
  auto& self = *static_cast<State*>(idle->data);
  // What is queued meanwhile waits for the next turn, so that sockets get theirs.
  std::size_t waiting = 0;
  for (const Task* task = self.first_; task != nullptr; task = task->next_) ++waiting;
  while (waiting-- > 0 && self.first_ != nullptr) {
    Task& task = *self.first_;
    self.unlink(task);
    task.run();
  }
}

Loop::Loop() : state_(std::make_unique<State>()) {}
Loop::~Loop() = default;
void Loop::run() { uv_run(&state_->uv, UV_RUN_DEFAULT); }
void Loop::stop() { uv_stop(&state_->uv); }
void Loop::count_sockets(DescriptorBudget& budget) noexcept { state_->descriptors = &budget; }
std::size_t Loop::farewells() const noexcept { return state_->self_owned.size(); }

TimePoint Loop::now() const noexcept { return std::chrono::steady_clock::now(); }
TimePoint Loop::turn_began() const noexcept { return state_->turn_began(); }

struct Timer::State final : Handle {
  State(uv_loop_t& loop, std::function<void()> function) : fire(std::move(function)) {
    require(uv_timer_init(&loop, &timer), "cannot make a timer");
    timer.data = static_cast<Handle*>(this);
  }
  uv_handle_t* handle() noexcept override { return reinterpret_cast<uv_handle_t*>(&timer); }

  // libuv's time is that of the turn's start and in whole milliseconds: without the two corrections a timer could
  // fire before its moment.
  void start_until_due() noexcept {
    uv_update_time(timer.loop);
    const auto left = due - std::chrono::steady_clock::now();
    uv_timer_start(&timer, &State::on_timer, to_milliseconds(left), 0);
  }
  static void on_timer(uv_timer_t* fired) noexcept {
    auto& self = *static_cast<State*>(Handle::of(fired));
    if (std::chrono::steady_clock::now() < self.due) return self.start_until_due();
    self.fire();
  }

  uv_timer_t timer{};
  TimePoint due;
  std::function<void()> fire;
};

Timer::Timer(Loop& loop, std::function<void()> fire) : state_(new State(loop.state().uv, std::move(fire))) {}
Timer::~Timer() { state_->close(); }

void Timer::start(Duration delay) {
  state_->due = std::chrono::steady_clock::now() + std::max(delay, Duration::zero());
  state_->start_until_due();
}

void Timer::stop() noexcept { uv_timer_stop(&state_->timer); }

struct Wakeup::State final : Handle {
  State(uv_loop_t& loop, std::function<void()> function) : fire(std::move(function)) {
    require(uv_async_init(&loop, &async, &State::on_async), "cannot make a wake-up");
    async.data = static_cast<Handle*>(this);
    uv_unref(handle());
  }
  uv_handle_t* handle() noexcept override { return reinterpret_cast<uv_handle_t*>(&async); }
  static void on_async(uv_async_t* sent) noexcept { static_cast<State*>(Handle::of(sent))->fire(); }

  uv_async_t async{};
  std::function<void()> fire;
};

Wakeup::Wakeup(Loop& loop, std::function<void()> fire) : state_(new State(loop.state().uv, std::move(fire))) {}
Wakeup::~Wakeup() { state_->close(); }
void Wakeup::send() noexcept { uv_async_send(&state_->async); }

struct SignalWatcher::State final : Handle {
  State(uv_loop_t& loop, int number, std::function<void()> function) : fire(std::move(function)) {
    require(uv_signal_init(&loop, &signal), "cannot watch a signal");
    signal.data = static_cast<Handle*>(this);
    uv_unref(handle());
    if (const int status = uv_signal_start(&signal, &State::on_signal, number); status != 0) failed = status;
  }
  uv_handle_t* handle() noexcept override { return reinterpret_cast<uv_handle_t*>(&signal); }
  static void on_signal(uv_signal_t* raised, int) noexcept { static_cast<State*>(Handle::of(raised))->fire(); }

  uv_signal_t signal{};
  int failed = 0;
  std::function<void()> fire;
};

SignalWatcher::SignalWatcher(Loop& loop, int signal, std::function<void()> fire)
    : state_(new State(loop.state().uv, signal, std::move(fire))) {
  if (state_->failed != 0) {
    const int status = state_->failed;
    state_->close();
    require(status, "cannot watch a signal");
  }
}
SignalWatcher::~SignalWatcher() { state_->close(); }

}  // namespace borehole::net
