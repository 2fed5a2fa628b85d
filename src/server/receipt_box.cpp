#include "server/receipt_box.h"

#include <utility>

namespace borehole::server {

ReceiptBox::ReceiptBox(net::Loop& loop) : wake_(loop, [this] { deliver(); }) { shared_->wake = &wake_; }

ReceiptBox::~ReceiptBox() {
  const std::lock_guard lock(shared_->mutex);
  shared_->wake = nullptr;
}

std::shared_ptr<calls::Receipt> ReceiptBox::receipt(std::weak_ptr<const Tell> tell, proxy::RecordNumber number) {
  return std::make_shared<calls::Receipt>([shared = shared_, tell = std::move(tell), number](calls::RecordFate fate) {
    const std::lock_guard lock(shared->mutex);
    if (shared->wake == nullptr) return;
    shared->settled.push_back({tell, number, fate});
    if (shared->settled.size() == 1) shared->wake->send();
  });
}

void ReceiptBox::deliver() {
  std::vector<Settled> settled;
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
