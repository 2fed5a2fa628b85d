// A map from strings that forgets what was used longest ago. Never grows past its bound.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

namespace borehole {

template <class T>
class LruMap {
 public:
  explicit LruMap(std::size_t max_entries) : max_entries_(max_entries == 0 ? 1 : max_entries) {}

  // nullptr if there is none; otherwise it is the youngest now. Valid until the next `put` or `erase`.
  T* find(const std::string& key) {
    const auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, it->second);
    return &it->second->second;
  }

  T& put(const std::string& key, T value) {
    if (T* old = find(key)) return *old = std::move(value);
    if (entries_.size() >= max_entries_) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(value));
    try {
      index_.emplace(key, entries_.begin());
    } catch (...) {  // out of memory
      entries_.pop_front();
      throw;
    }
    return entries_.front().second;
  }

  void erase(const std::string& key) {
    const auto it = index_.find(key);
    if (it == index_.end()) return;
    entries_.erase(it->second);
    index_.erase(it);
  }

  std::size_t size() const noexcept { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<std::string, T>>;
  Entries entries_;  // youngest first
  std::unordered_map<std::string, typename Entries::iterator> index_;
  std::size_t max_entries_;
};

}  // namespace borehole
