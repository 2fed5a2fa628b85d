// Connections opened ahead of the next call, to upstreams that were called lately (`upstream.warm_connections`), so
// that it waits for neither TCP nor TLS. Never sends a request, and never turns to an upstream that nobody called.
#pragma once

#include <cstddef>
#include <list>
#include <memory>

#include "base/clock.h"
#include "net/descriptor_budget.h"
#include "net/loop.h"
#include "server/acquisition.h"
#include "server/graveyard.h"
#include "server/upstream_pool.h"

namespace borehole::server {

// The worker's thread only. HTTP/1.1 only: of HTTP/2 one connection carries all calls.
class WarmConnections {
 public:
  static constexpr std::size_t max_upstreams = 64;  // those that were called last

  struct Options {
    std::size_t per_upstream = 0;
    std::size_t max_idle = 256;                           // the pool's bound: it is never pushed over it
    const net::DescriptorBudget* descriptors = nullptr;   // while they are scarce none is opened; null: they never are
    Duration lately = std::chrono::minutes(10);           // an upstream is kept warm behind a call
    Duration look_again = std::chrono::seconds(5);        // for those that the pool has let go since
    Duration after_a_failure = std::chrono::seconds(30);  // an upstream is left alone
  };
  // What it is given outlives it.
  WarmConnections(const UpstreamWorld& world, UpstreamPool& pool, Options options);
  ~WarmConnections();

  // A call asks for a connection to this one. What is missing is opened behind this turn of the loop; where memory runs
  // out, some other time.
  void called(const proxy::UpstreamTarget& target) noexcept;
  // For good: nothing is opened any more, whoever is called.
  void stop() noexcept;

 private:
  class Opening;
  struct Upstream {
    proxy::UpstreamTarget target;
    TimePoint called;
    TimePoint not_before;
  };
  std::size_t missing(const Upstream& upstream) const;
  void top_up();
  void open(const proxy::UpstreamTarget& target);
  void opened(Opening& opening, std::unique_ptr<UpstreamConnection> connection) noexcept;
  void failed(Opening& opening) noexcept;
  void over(Opening& opening) noexcept;

  const UpstreamWorld& world_;
  UpstreamPool& pool_;
  Options options_;
  std::list<Upstream> upstreams_;  // called last goes first
  std::list<std::unique_ptr<Opening>> openings_;
  Graveyard<Opening> done_;
  net::Timer look_;
  bool at_once_ = false;  // look_ is about to go off
  bool stopped_ = false;
  net::Timer burial_;
};

}  // namespace borehole::server
