#include "net/own_dials.h"

#include <netinet/in.h>

#include <cstring>

namespace borehole::net {

namespace {

void append(std::string& key, const Address& address) {
  const std::uint16_t port = address.port();
  key.append(reinterpret_cast<const char*>(&port), sizeof port);
  const auto* data = reinterpret_cast<const char*>(address.data());
  if (address.is_v6()) {
    key.append(data + offsetof(sockaddr_in6, sin6_addr), sizeof(in6_addr));
  } else {
    key.append(data + offsetof(sockaddr_in, sin_addr), sizeof(in_addr));
  }
}

}  // namespace

OwnDials::Entry::~Entry() {
  const std::lock_guard lock(owner_.mutex_);
  const auto found = owner_.entries_.find(ends_);
  if (found != owner_.entries_.end() && found->second == this) owner_.entries_.erase(found);
}

std::unique_ptr<OwnDials::Entry> OwnDials::enter(const Address& local, const Address& remote) {
  std::unique_ptr<Entry> entry(new Entry(*this, ends(local, remote)));
  const std::lock_guard lock(mutex_);
  entries_[entry->ends_] = entry.get();
  return entry;
}

std::string OwnDials::ends(const Address& client, const Address& destination) {
  std::string both;
  append(both, client);
  append(both, destination);
  return both;
}

bool OwnDials::came_back(const std::string& ends) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(ends);
  if (found == entries_.end()) return false;
  found->second->came_back_.store(true, std::memory_order_relaxed);
  return true;
}

}  // namespace borehole::net
