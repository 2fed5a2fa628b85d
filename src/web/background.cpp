#include "web/background.h"

#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"

namespace borehole::web {

struct Background::State {
  struct Job {
    std::function<Response()> work;
    std::function<void(const Response&)> done;
    Response response;
  };

  State(net::Loop& loop, std::size_t most)
      : most_waiting(most), wakeup(loop, [this] { hand_back(); }), thread([this] { run(); }) {}

  void run();
  static void work(Job& job) noexcept;
  void hand_back();

  const std::size_t most_waiting;
  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  // A job moves from one to the other, which needs no memory.
  std::list<Job> waiting, finished;
  bool stopping = false;

  net::Wakeup wakeup;
  std::thread thread;
};

void Background::State::run() {
  std::unique_lock lock(mutex);
  while (true) {
    wake.wait(lock, [this] { return stopping || !waiting.empty(); });
    if (stopping) return;
    std::list<Job> one;
    one.splice(one.end(), waiting, waiting.begin());
    lock.unlock();
    work(one.front());
    lock.lock();
    finished.splice(finished.end(), one);
    wakeup.send();
  }
}

void Background::State::work(Job& job) noexcept {
  try {
    job.response = job.work();
  } catch (const std::exception& thrown) {
    job.response.status = 500;
    try {
      log::error("an answer of the admin port failed: {}", thrown.what());
      job.response = text_response(500, "The answer could not be made; borehole's log says why.");
    } catch (const std::bad_alloc&) {  // then it has no body
    }
  }
  job.work = nullptr;
}

void Background::State::hand_back() {
  std::list<Job> now;
  {
    const std::lock_guard lock(mutex);
    now.swap(finished);
  }
  for (Job& job : now) job.done(job.response);
}

Background::Background(net::Loop& loop, std::size_t most_waiting)
    : state_(std::make_unique<State>(loop, most_waiting)) {}

Background::~Background() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->wake.notify_one();
  }
  state_->thread.join();
}

bool Background::run(std::function<Response()> work, std::function<void(const Response&)> done) {
  const std::lock_guard lock(state_->mutex);
  if (state_->waiting.size() >= state_->most_waiting) return false;
  state_->waiting.push_back({std::move(work), std::move(done), {}});
  state_->wake.notify_one();
  return true;
}

}  // namespace borehole::web
