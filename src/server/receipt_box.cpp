#include "server/receipt_box.h"

#include <utility>

namespace borehole::server {

ReceiptBox::ReceiptBox(net::Loop& loop) : wake_(loop, [this] { deliver(); }) { shared_->wake = &wake_; }

ReceiptBox::~ReceiptBox() {
  const std::lock_guard lock(shared_->mutex);
  shared_->wake = nullptr;
}

std::shared_ptr<calls::Receipt> ReceiptBox::receipt(std::weak_ptr<const Tell> tell, proxy::RecordNumber number) {
  std::list<Settled> one{{std::move(tell), number}};
  return std::make_shared<calls::Receipt>([shared = shared_, one = std::move(one)](calls::RecordFate fate) mutable {
    const std::lock_guard lock(shared->mutex);
    if (shared->wake == nullptr) return;
    one.front().fate = fate;
    shared->settled.splice(shared->settled.end(), one);
    if (shared->settled.size() == 1) shared->wake->send();
  });
}

void ReceiptBox::deliver() {
  std::list<Settled> settled;
  {
    const std::lock_guard lock(shared_->mutex);
    settled.swap(shared_->settled);
  }
  for (const Settled& one : settled) {
    if (one.fate != calls::RecordFate::let_go) failing_ = one.fate == calls::RecordFate::failed;
    if (const auto tell = one.tell.lock()) (*tell)(one.number, one.fate == calls::RecordFate::kept);
  }
}

}  // namespace borehole::server
