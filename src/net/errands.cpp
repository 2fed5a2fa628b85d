#include "net/errands.h"

#include <mutex>
#include <vector>

namespace borehole::net {

struct Errands::Shared {
  std::mutex mutex;  // guards what follows
  std::vector<std::function<void()>> waiting;
  Wakeup* wake = nullptr;  // null: the loop is gone
};

Errands::Errands(Loop& loop) : shared_(std::make_shared<Shared>()), wake_(loop, [this] { run(); }) {
  shared_->wake = &wake_;
}

Errands::~Errands() {
  std::vector<std::function<void()>> dropped;  // behind the lock: they may own what ends another's
  const std::lock_guard lock(shared_->mutex);
  shared_->wake = nullptr;
  dropped.swap(shared_->waiting);
}

void Errands::Sender::send(std::function<void()> errand) const {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->wake == nullptr) return;
  shared_->waiting.push_back(std::move(errand));
  if (shared_->waiting.size() == 1) shared_->wake->send();
}

void Errands::run() {
  std::vector<std::function<void()>> now;
  {
    const std::lock_guard lock(shared_->mutex);
    now.swap(shared_->waiting);
  }
  for (const auto& errand : now) errand();
}

}  // namespace borehole::net
