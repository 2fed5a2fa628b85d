// One thread: a loop, a listener on every address, its own leaf cache, TLS contexts and upstream pool. Shares nothing
// that changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ca/certificate_authority.h"
#include "ca/leaf_cache.h"
#include "calls/call_tap.h"
#include "config/password_checks.h"
#include "net/address.h"
#include "net/descriptor_budget.h"
#include "net/own_dials.h"
#include "net/owner_search.h"
#include "net/resolver.h"
#include "proxy/own_pages.h"
#include "proxy/policy.h"
#include "server/address_limits.h"
#include "server/counters.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

namespace borehole::server {

// What a configuration becomes for the workers; replaced as a whole on reload. Immutable.
struct Setup {
  std::shared_ptr<const proxy::Policy> policy;
  std::shared_ptr<const tls::TrustStore> trust;
  std::shared_ptr<const calls::CaptureOptions> capture;
  std::shared_ptr<const ca::CertificateAuthority> authority;  // signs what clients are shown
  std::shared_ptr<const proxy::OwnPages> pages;               // … and what they are to trust for it
};

// What the workers share; outlives them.
struct ServerWorld {
  const Clock& clock;
  std::shared_ptr<const ca::LeafKey> leaf_key;
  ca::LeafCacheOptions leaf_options;
  net::Resolver& resolver;
  calls::CallOutbox& outbox;
  std::vector<net::Address> listening;  // the real addresses, ports known
  std::atomic<std::uint64_t> open{0};   // connections of all workers, for `limits.connections`
  calls::LiveCalls* live = nullptr;     // who looks on while calls run
  bool strict_records = false;          // no response ends before its record is on disk
  net::OwnerSearch client_owners{};
  AddressLimits address_limits{};
  net::OwnDials own_dials{};
  config::PasswordChecks passwords{clock};
  std::shared_ptr<tls::TicketKeys> ticket_keys = tls::make_ticket_keys(clock);
  net::DescriptorBudget descriptors{};
  std::atomic<std::size_t> refused_open{0};  // of `open`, those that are only told why
  std::size_t workers = 1;                   // who share `limits.buffered_bytes`
};

class Worker {
 public:
  Worker(ServerWorld& world, const Setup& setup);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Before start(). Opens a listener; the result is its real address.
  Result<net::Address> listen(const net::Address& address);
  void start(std::function<void()> ended);  // `ended` is called on the worker's thread, last
  // Any thread:
  void replace(Setup setup);  // for connections that come from now on
  void drain();               // accepts no more, finishes what runs, then stops by itself
  void stop();                // ends at once
  void join();
  bool stopped() const noexcept;
  const WorkerCounters& counters() const noexcept;
  // When a connection was last refused or ended for want of memory; steady_clock.
  std::optional<TimePoint> out_of_memory_at() const noexcept;
  std::uint64_t minted() const noexcept;  // leaf certificates
  std::uint64_t not_minted() const noexcept;
  std::optional<Duration> cpu_time() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::server
