// Whether a client that comes is served, by every limit that there is on connections. Never touches a connection.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "server/buffer_budget.h"
#include "server/upstream_pool.h"
#include "server/worker.h"

namespace borehole::server {

// The worker's thread only; what it counts in all is shared by the workers.
class Admission {
 public:
  Admission(ServerWorld& world, WorkerCounters& counters, const BufferBudget& buffers)
      : world_(world), counters_(counters), buffers_(buffers) {}

  struct Rules {  // that are in force
    const config::Config& config;
    const std::vector<net::AddressRange>& allowed_clients;
    UpstreamPool& pool;  // what idles in it gives way
  };
  struct Verdict {
    std::optional<Error> refusal;
    bool refuse_tls = false;  // with a refusal: not even a handshake is made for it
  };
  // Counted in whatever the verdict is, until it `went`; where memory runs out (std::bad_alloc) it is not.
  Verdict came(const net::Address& client, const std::string& holder, const Rules& rules, TimePoint now);
  void went(const std::string& holder, bool was_refused) noexcept;
  // May one more be accepted at all, if only to be told why it is refused?
  bool room_for_a_refusal() const;

 private:
  struct Counted {
    bool in_all = false, of_address = false;
  };
  Verdict judge(const net::Address& client, const std::string& holder, const Rules& rules, TimePoint now,
                Counted& counted);
  net::DescriptorBudget::Clients clients() const;
  bool room_for_a_call(UpstreamPool& pool);

  ServerWorld& world_;
  WorkerCounters& counters_;
  const BufferBudget& buffers_;
};

}  // namespace borehole::server
