#include "net/errands.h"

#include <list>
#include <mutex>

namespace borehole::net {

struct Errands::Shared {
  std::mutex mutex;  // guards what follows
  std::list<std::function<void()>> waiting;
  Wakeup* wake = nullptr;  // null: the loop is gone
};

Errands::Errands(Loop& loop) : shared_(std::make_shared<Shared>()), wake_(loop, [this] { run(); }) {
  shared_->wake = &wake_;
}

Errands::~Errands() {
  std::list<std::function<void()>> dropped;  // behind the lock: they may own what ends another's
  const std::lock_guard lock(shared_->mutex);
  shared_->wake = nullptr;
  dropped.swap(shared_->waiting);
}

void Errands::Sender::send(Errand errand) const noexcept {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->wake == nullptr) return;
  shared_->waiting.splice(shared_->waiting.end(), errand.one_);
  if (shared_->waiting.size() == 1) shared_->wake->send();
}

void Errands::run() {
  std::list<std::function<void()>> now;
  {
    const std::lock_guard lock(shared_->mutex);
    now.swap(shared_->waiting);
  }
  for (const auto& errand : now) errand();
}

}  // namespace borehole::net
