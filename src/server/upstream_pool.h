// Idle upstream connections of one worker, shared by all its client connections. Never gives out one that has shown an
// octet or an end.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "net/descriptor_budget.h"
#include "net/loop.h"
#include "server/counters.h"
#include "server/graveyard.h"
#include "server/upstream_connection.h"

namespace borehole::server {

struct UpstreamPoolOptions {
  std::size_t max_idle = 256;
  Duration idle_timeout = std::chrono::seconds(55);
  const net::DescriptorBudget* descriptors = nullptr;  // while they are scarce nothing is kept; null: they never are
};

// Keyed by host, port, TLS and the name proven: a connection is lent only to calls for the target it was verified for.
// The newest idle connection of a key goes first. The worker's thread only.
class UpstreamPool {
 public:
  // `counters` outlives it.
  UpstreamPool(net::Loop& loop, UpstreamPoolOptions options, WorkerCounters& counters);
  ~UpstreamPool();

  // Tested (nothing waits to be read) on the way in and on the way out; what fails is closed, and so is what there is
  // no memory to keep.
  void put(std::unique_ptr<UpstreamConnection> connection) noexcept;
  std::unique_ptr<UpstreamConnection> take(const proxy::UpstreamTarget& target);
  bool has(const proxy::UpstreamTarget& target) const { return count(target) > 0; }
  std::size_t count(const proxy::UpstreamTarget& target) const;
  std::size_t size() const noexcept { return order_.size(); }
  void clear();

 private:
  class Idle;
  using Order = std::list<std::unique_ptr<Idle>>;  // oldest first
  void keep(std::unique_ptr<UpstreamConnection>& connection);
  void drop(Idle& idle);
  void bury();
  void expire();
  void unlink(const Idle& idle);

  net::Loop& loop_;
  UpstreamPoolOptions options_;
  WorkerCounters& counters_;
  Order order_;
  struct Hash {
    std::size_t operator()(const proxy::UpstreamTarget& target) const noexcept {
      return std::hash<std::string>()(target.host) ^ target.port;
    }
  };
  std::unordered_map<proxy::UpstreamTarget, std::vector<Idle*>, Hash> by_key_;  // newest last
  // Let go inside one of their own callbacks; destroyed by the next timer.
  Order buried_;
  Graveyard<UpstreamConnection> unfit_;
  net::Timer expiry_;
  net::Timer burial_;
};

}  // namespace borehole::server
