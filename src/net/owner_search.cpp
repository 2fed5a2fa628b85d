#include "net/owner_search.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace borehole::net {

namespace {

constexpr auto patience = std::chrono::milliseconds(200);  // for one look through the processes
constexpr int rests = 3;                                   // times as long as a look took

}  // namespace

struct OwnerSearch::State {
  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::vector<ConnectionEnds> connections;
  std::vector<Answer> answers;  // in the same order
  bool idle = false;            // it waits for a question; one that comes while it rests is seen behind the rest
  bool stopping = false;
  std::thread thread;

  void run() {
    std::optional<SocketOwners> owners;
    std::chrono::steady_clock::time_point rested{};
    std::unique_lock lock(mutex);
    for (;;) {
      idle = true;
      wake.wait(lock, [this] { return stopping || !answers.empty(); });
      idle = false;
      if (std::chrono::steady_clock::now() < rested) wake.wait_until(lock, rested, [this] { return stopping; });
      if (stopping) return;
      const auto asked = std::exchange(connections, {});
      const auto waiting = std::exchange(answers, {});
      lock.unlock();
      const auto begun = std::chrono::steady_clock::now();
      std::vector<std::optional<SocketOwner>> found;
      try {
        if (!owners) owners.emplace();
        found = owners->find(asked, patience);
      } catch (...) {  // out of memory: nothing is known
      }
      for (std::size_t i = 0; i < waiting.size(); ++i)
        waiting[i](i < found.size() ? std::move(found[i]) : std::nullopt);
      const auto done = std::chrono::steady_clock::now();
      rested = done + (done - begun) * rests;
      lock.lock();
    }
  }
};

OwnerSearch::OwnerSearch() : state_(std::make_unique<State>()) {}

OwnerSearch::~OwnerSearch() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->wake.notify_all();
  }
  if (state_->thread.joinable()) state_->thread.join();
  for (const Answer& answer : state_->answers) answer(std::nullopt);
}

void OwnerSearch::find(const ConnectionEnds& connection, Answer answer) noexcept {
  try {
    std::unique_lock lock(state_->mutex);
    if (state_->answers.size() < most_waiting) {
      state_->connections.reserve(state_->answers.size() + 1);
      state_->answers.reserve(state_->answers.size() + 1);
      if (!state_->thread.joinable()) state_->thread = std::thread([state = state_.get()] { state->run(); });
      state_->connections.push_back(connection);
      state_->answers.push_back(std::move(answer));
      const bool waits = std::exchange(state_->idle, false);
      lock.unlock();
      if (waits) state_->wake.notify_one();
      return;
    }
  } catch (...) {  // no memory, or no thread to be had
  }
  answer(std::nullopt);
}

}  // namespace borehole::net
