// Objects that are done but may be on the call stack, until they can be destroyed. Never needs memory to take one.
#pragma once

#include <memory>
#include <utility>

namespace borehole::server {

template <class T>
class Graveyard;

// Base of what can be buried.
template <class T>
class Mortal {
 private:
  friend class Graveyard<T>;
  std::unique_ptr<T> below_;  // in the same graveyard
};

template <class T>
class Graveyard {
 public:
  Graveyard() = default;
  ~Graveyard() { clear(); }
  Graveyard(const Graveyard&) = delete;
  Graveyard& operator=(const Graveyard&) = delete;

  void bury(std::unique_ptr<T> dead) noexcept {
    Mortal<T>& one = *dead;
    one.below_ = std::move(top_);
    top_ = std::move(dead);
  }
  // Not recursive, however many there are. What their end buries here waits for the next time.
  void clear() noexcept {
    std::unique_ptr<T> left = std::move(top_);
    while (left) {
      Mortal<T>& one = *left;
      left = std::move(one.below_);
    }
  }

 private:
  std::unique_ptr<T> top_;
};

}  // namespace borehole::server
