// What other threads want done on a loop's thread. Never makes them wait, and does nothing once it is gone.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <utility>

#include "net/loop.h"

namespace borehole::net {

// Belongs to the loop's thread.
class Errands {
  struct Shared;

 public:
  explicit Errands(Loop& loop);
  ~Errands();  // what has not been done is dropped
  Errands(const Errands&) = delete;
  Errands& operator=(const Errands&) = delete;

  // What is to be done once, which must not throw. Made beforehand, so that sending it needs no memory.
  class Errand {
   public:
    explicit Errand(std::function<void()> what) { one_.push_back(std::move(what)); }

   private:
    friend class Errands;
    std::list<std::function<void()>> one_;
  };

  // Any thread's, and may outlive the loop.
  class Sender {
   public:
    void send(Errand errand) const noexcept;

   private:
    friend class Errands;
    explicit Sender(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
    std::shared_ptr<Shared> shared_;
  };
  Sender sender() const { return Sender(shared_); }

 private:
  void run();

  std::shared_ptr<Shared> shared_;
  Wakeup wake_;
};

}  // namespace borehole::net
