#include "server/upstream_pool.h"

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

namespace borehole::server {

namespace {

// A fresh one with TLS may still have session tickets to read; any other must be silent.
bool fit(const UpstreamConnection& connection) noexcept {
  if (!connection.used() && connection.target().tls) return !connection.ended();
  return connection.quiet();
}

}  // namespace

// Watches one idle connection: whatever it says while nobody asked means that it is not to be used again.
class UpstreamPool::Idle final : public UpstreamObserver {
 public:
  Idle(UpstreamPool& pool, std::unique_ptr<UpstreamConnection> connection, TimePoint since)
      : pool_(pool), connection_(std::move(connection)), since_(since) {
    connection_->observe(this);
    connection_->set_reading(true);
  }
  void on_upstream_received(Bytes) noexcept override { pool_.drop(*this); }
  void on_upstream_ended() noexcept override { pool_.drop(*this); }
  void on_upstream_broken(const Error&) noexcept override { pool_.drop(*this); }
  void on_upstream_written() noexcept override {}

  UpstreamPool& pool_;
  std::unique_ptr<UpstreamConnection> connection_;
  const proxy::UpstreamTarget* key_ = nullptr;  // in the pool's table
  TimePoint since_;
  Order::iterator place_;
};

UpstreamPool::UpstreamPool(net::Loop& loop, UpstreamPoolOptions options, WorkerCounters& counters)
    : loop_(loop), options_(options), counters_(counters), expiry_(loop, [this] { expire(); }), burial_(loop, [this] {
        bury();
      }) {}

UpstreamPool::~UpstreamPool() { counters_.pool_idle.subtract(order_.size()); }

void UpstreamPool::put(std::unique_ptr<UpstreamConnection> connection) noexcept {
  const bool scarce = options_.descriptors != nullptr && options_.descriptors->scarce();
  if (options_.max_idle > 0 && !scarce && !connection->ended()) {  // whether it is silent, `take` looks at
    try {
      return keep(connection);
    } catch (const std::bad_alloc&) {  // the exchange is over all the same
    }
  }
  connection->observe(nullptr);
  connection->set_reading(false);
  unfit_.bury(std::move(connection));
  burial_.start(Duration::zero());
}

// The connection is taken last: where memory runs out it stays the caller's.
void UpstreamPool::keep(std::unique_ptr<UpstreamConnection>& connection) {
  Order one(1);
  const auto found = by_key_.try_emplace(connection->target()).first;
  auto& [target, same] = *found;
  try {
    same.push_back(nullptr);
    one.front() = std::make_unique<Idle>(*this, std::move(connection), loop_.now());
  } catch (...) {
    std::erase(same, nullptr);
    if (same.empty()) by_key_.erase(found);
    throw;
  }
  Idle& idle = *one.front();
  idle.key_ = &target;
  same.back() = &idle;
  idle.place_ = one.begin();
  order_.splice(order_.end(), one);
  counters_.pool_idle.add();
  if (order_.size() > options_.max_idle) drop(*order_.front());
  if (order_.size() == 1) expiry_.start(options_.idle_timeout);
}

std::unique_ptr<UpstreamConnection> UpstreamPool::take(const proxy::UpstreamTarget& target) {
  const auto found = by_key_.find(target);
  while (found != by_key_.end() && !found->second.empty()) {
    Idle& idle = *found->second.back();
    if (!fit(*idle.connection_)) {
      const bool last = found->second.size() == 1;
      drop(idle);
      if (last) break;
      continue;
    }
    auto connection = std::move(idle.connection_);
    unlink(idle);
    order_.erase(idle.place_);
    counters_.pool_idle.subtract();
    connection->observe(nullptr);
    if (connection->used()) connection->mark_reused();
    (connection->used() ? counters_.pool_hits : counters_.pool_misses).add();
    return connection;
  }
  counters_.pool_misses.add();
  return nullptr;
}

std::size_t UpstreamPool::count(const proxy::UpstreamTarget& target) const {
  const auto found = by_key_.find(target);
  return found == by_key_.end() ? 0 : found->second.size();
}

void UpstreamPool::clear() {
  while (!order_.empty()) drop(*order_.front());
}

// From those that its target asks for.
void UpstreamPool::unlink(const Idle& idle) {
  const auto found = by_key_.find(*idle.key_);
  std::erase(found->second, &idle);
  if (found->second.empty()) by_key_.erase(found);
}

void UpstreamPool::drop(Idle& idle) {
  unlink(idle);
  if (idle.connection_) {
    idle.connection_->observe(nullptr);
    idle.connection_->set_reading(false);
  }
  buried_.splice(buried_.end(), order_, idle.place_);
  counters_.pool_idle.subtract();
  burial_.start(Duration::zero());
}

void UpstreamPool::bury() {
  buried_.clear();
  unfit_.clear();
}

void UpstreamPool::expire() {
  const TimePoint now = loop_.now();
  while (!order_.empty() && now - order_.front()->since_ >= options_.idle_timeout) drop(*order_.front());
  if (!order_.empty()) expiry_.start(options_.idle_timeout - (now - order_.front()->since_));
}

}  // namespace borehole::server
