// What a worker counts for the metrics. Written by its one thread, read by any; never a lock, never a shared line.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace borehole::server {

// One thread writes: a load and a store, no locked instruction.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept { set(value() + amount); }
  void subtract(std::uint64_t amount = 1) noexcept { set(value() - amount); }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) WorkerCounters {
  Counter accepted;
  Counter over_limit;          // answered with 503, `limits.connections`
  Counter over_address_limit;  // answered with 503, `limits.connections_per_address`
  Counter too_fast;            // answered with 503 or, if it spoke TLS, ended: `limits.connections_per_second`
  Counter not_allowed;         // answered with 403, `auth.allow_clients`
  Counter out_of_descriptors;  // answered with 503, or closed unanswered where there were not even some for that
  Counter over_buffers;        // answered with 503, `limits.buffered_bytes`
  Counter out_of_memory;       // refused, or ended with its calls: memory had run out in an event of it
  Counter open;                // now
  Counter out_of_memory_at;    // when it was last, as TimePoint counts; 0: never

  Counter h2_connections, h2_streams;       // of clients
  Counter h2_behind_goaway, h2_over_limit;  // streams of clients that were not taken, and have no record
  Counter h2_floods, h2_malformed;          // ended with ENHANCE_YOUR_CALM; streams and connections that broke RFC 9113

  // Octets of HTTP and of tunnels, without TLS.
  Counter client_received, client_sent, upstream_received, upstream_sent;

  Counter dials, dials_failed;      // TCP, the corporate proxy's CONNECT and TLS together
  Counter handshakes, resumptions;  // TLS towards upstreams; the latter are part of the former
  Counter pool_hits, pool_misses;   // an exchange was lent a connection that another had used, or not
  Counter pool_idle;                // now
  Counter buffered;                 // now: octets that came and have not left

  void ran_out_of_memory(TimePoint now) noexcept {
    out_of_memory.add();
    out_of_memory_at.set(static_cast<std::uint64_t>(now.time_since_epoch().count()));
  }
};

}  // namespace borehole::server
