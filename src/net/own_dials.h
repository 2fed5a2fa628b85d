// The connections that this process has dialled, by their two ends: so that one which comes back to a listener of this
// process is known for what it is. Knows nothing of what they carry.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "net/address.h"

namespace borehole::net {

// Shared by all threads; outlives its entries.
class OwnDials {
 public:
  // One connection; it is known as long as this lives.
  class Entry {
   public:
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    bool came_back() const noexcept { return came_back_.load(std::memory_order_relaxed); }

   private:
    friend class OwnDials;
    Entry(OwnDials& owner, std::string ends) : owner_(owner), ends_(std::move(ends)) {}
    OwnDials& owner_;
    const std::string ends_;
    std::atomic<bool> came_back_{false};
  };

  // Both ends as the dialling socket has them.
  std::unique_ptr<Entry> enter(const Address& local, const Address& remote);

  // What names an accepted connection, from `client` to `destination` (before any firewall changed it).
  static std::string ends(const Address& client, const Address& destination);
  // Is it one of these? It is told so if it is.
  bool came_back(const std::string& ends);

 private:
  std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, Entry*> entries_;
};

}  // namespace borehole::net
