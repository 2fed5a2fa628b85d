// What tells who waits for a record whether it is on disk: once, from whatever thread. Never keeps the record.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace borehole::calls {

enum class RecordFate : std::uint8_t {
  kept,    // it is on disk
  failed,  // it could not be written
  let_go,  // nobody tried: it was dropped, or there was nothing to record
};

// One that is let go unsettled says so: whoever waits is always told.
class Receipt {
 public:
  using Tell = std::function<void(RecordFate)>;  // must not throw
  explicit Receipt(Tell tell) : tell_(std::move(tell)) {}
  ~Receipt() { settle(RecordFate::let_go); }
  Receipt(const Receipt&) = delete;
  Receipt& operator=(const Receipt&) = delete;

  // Only the first time counts. One thread at a time.
  void settle(RecordFate fate) noexcept {
    if (const Tell tell = std::exchange(tell_, nullptr)) tell(fate);
  }

 private:
  Tell tell_;
};

}  // namespace borehole::calls
