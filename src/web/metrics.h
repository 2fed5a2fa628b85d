// What /metrics says: calls, records, connections, upstreams, the process. Pure: everything is handed in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "calls/statistics.h"
#include "store/recorder.h"
#include "web/process.h"

namespace borehole::web {

// One worker's.
struct WorkerFigures {
  std::uint64_t accepted = 0, over_limit = 0, over_address_limit = 0, too_fast = 0, not_allowed = 0,
                out_of_descriptors = 0, over_buffers = 0, out_of_memory = 0, open = 0, buffered = 0;
  std::uint64_t client_received = 0, client_sent = 0, upstream_received = 0, upstream_sent = 0;
  std::uint64_t dials = 0, dials_failed = 0, handshakes = 0, resumptions = 0;
  std::uint64_t pool_hits = 0, pool_misses = 0, pool_idle = 0;
  std::uint64_t h2_connections = 0, h2_streams = 0, h2_behind_goaway = 0, h2_over_limit = 0, h2_floods = 0,
                h2_malformed = 0;
  std::uint64_t minted = 0, not_minted = 0;
  std::optional<double> cpu_seconds;  // of its thread
};

struct MetricsFigures {
  calls::CallFigures calls;
  store::RecorderCounters records;
  std::uint64_t jsonl_torn = 0, jsonl_rotations = 0;
  std::uint64_t live_dropped = 0;  // looks at running calls
  std::vector<WorkerFigures> workers;
  ProcessFigures process;
  std::string version;
  WallTime started_at{}, ca_not_after{};
  bool ready = false;
};

inline constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

std::string metrics_text(const MetricsFigures& figures);

}  // namespace borehole::web
