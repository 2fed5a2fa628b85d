// Mints leaf certificates for hosts and keeps them until they near their end. Never mints a name outside the CA's
// constraints.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ca/certificate_authority.h"
#include "tls/server_context.h"

namespace borehole::ca {

// The P-256 key that all leaves of one process share; made at start, never written. Shared by the workers.
class LeafKey {
 public:
  static Result<std::shared_ptr<const LeafKey>> make();
  ~LeafKey();
  struct State;
  const State& state() const noexcept { return *state_; }

 private:
  explicit LeafKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct LeafCacheOptions {
  int leaf_days = 7;                       // 1..7
  std::size_t max_entries = 1024;          // least recently used go first
  std::vector<std::string> default_names;  // SANs of the leaf for the proxy itself: localhost, 127.0.0.1, ::1, the
                                           // listener's names and addresses
};

// Written by one thread, read by any.
struct LeafCounters {
  std::atomic<std::uint64_t> minted{0};
  std::atomic<std::uint64_t> refused{0};  // for names that came too fast
};

// Per worker; not thread-safe. Leaves: CONTRACT section 6. `leaf_for("")` and a name outside the constraints give the
// default leaf.
class LeafCache final : public tls::LeafSource {
 public:
  LeafCache(std::shared_ptr<const CertificateAuthority> authority, std::shared_ptr<const LeafKey> key,
            LeafCacheOptions options, const Clock& clock);
  // Counts into `counters`, which outlive it: of several caches in turn.
  LeafCache(std::shared_ptr<const CertificateAuthority> authority, std::shared_ptr<const LeafKey> key,
            LeafCacheOptions options, const Clock& clock, LeafCounters& counters);
  ~LeafCache() override;
  std::shared_ptr<const tls::Leaf> leaf_for(const std::string& name) noexcept override;
  std::uint64_t minted() const noexcept;   // any thread
  std::uint64_t refused() const noexcept;  // any thread; for names that came too fast

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::ca
