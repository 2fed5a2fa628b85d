// What the recorder's thread tells about records, on its way to the worker's thread and there to the driver that waits.
// Never waits itself.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "net/loop.h"
#include "proxy/effects.h"

namespace borehole::server {

// Belongs to a worker's thread; its receipts may be settled by any thread, and may outlive it.
class ReceiptBox {
 public:
  using Tell = std::function<void(proxy::RecordNumber, bool on_disk)>;
  explicit ReceiptBox(net::Loop& loop);
  ~ReceiptBox();
  ReceiptBox(const ReceiptBox&) = delete;
  ReceiptBox& operator=(const ReceiptBox&) = delete;

  // `tell` is called on the worker's thread, unless it is gone by then.
  std::shared_ptr<calls::Receipt> receipt(std::weak_ptr<const Tell> tell, proxy::RecordNumber number);
  // The last record that was tried could not be written.
  bool failing() const noexcept { return failing_; }

 private:
  struct Settled {
    std::weak_ptr<const Tell> tell;
    proxy::RecordNumber number = 0;
    calls::RecordFate fate = calls::RecordFate::let_go;
  };
  struct Shared {
    std::mutex mutex;             // guards what follows
    std::list<Settled> settled;   // each made with its receipt: telling needs no memory
    net::Wakeup* wake = nullptr;  // null: the worker is gone
  };
  void deliver();

  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  bool failing_ = false;
  net::Wakeup wake_;
};

}  // namespace borehole::server
