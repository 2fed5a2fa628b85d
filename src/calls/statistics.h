// Counts finished calls for the metrics: by operation, model and status, tokens, latencies, errors. Holds a bounded
// number of names, whatever clients ask for; never looks at a body.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include "calls/call_record.h"
#include "calls/sink.h"

namespace borehole::calls {

// The values of labels. "none": not known, or there was none. "other": one more than is kept apart.
struct CallLabels {
  std::string operation, model;
  std::string status;  // "200"
  friend bool operator==(const CallLabels&, const CallLabels&) = default;
  friend bool operator<(const CallLabels& a, const CallLabels& b) {
    return std::tie(a.operation, a.model, a.status) < std::tie(b.operation, b.model, b.status);
  }
};

class Histogram {
 public:
  // Upper ends, in seconds: from an answer out of a cache to the longest that Bedrock computes.
  static constexpr std::array<double, 18> bounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,   2.5,
                                                 5,     10,   20,    30,   60,  120,  300, 600, 900};
  void add(double seconds) noexcept;
  // How many were at most `bounds[i]`; for i == bounds.size(): all.
  std::uint64_t at_most(std::size_t i) const noexcept;
  double sum() const noexcept { return sum_; }

 private:
  std::array<std::uint64_t, bounds.size() + 1> counts_{};  // each for itself
  double sum_ = 0;
};

struct CallFigures {
  struct Tokens {
    std::uint64_t input = 0, output = 0, cache_read = 0, cache_write = 0;
  };
  struct Latency {
    Histogram total;                             // of complete calls
    Histogram upstream_first_byte, first_token;  // where they are known
  };
  std::map<CallLabels, std::uint64_t> calls;
  std::uint64_t folded = 0;                        // calls that are counted under an "other"
  std::map<std::string, Tokens> tokens;            // by model
  std::map<std::string, double> cost_usd;          // by model, of calls whose cost is known
  std::map<std::string, std::uint64_t> throttles;  // by model: attempts that Amazon throttled
  std::map<std::string, Latency> latency;          // by operation
  std::map<std::string_view, std::uint64_t> outcomes;
  std::map<std::string_view, std::uint64_t> errors;    // by the names of error codes
  std::uint64_t bodies_decoded = 0;                    // of those with a content coding
  std::map<std::string, std::uint64_t> coding_faults;  // of bodies, by what is wrong
  std::map<std::string, std::uint64_t> redactions;     // texts and values that were hidden, by rule
  std::uint64_t bodies_withheld = 0;                   // that could not be redacted, and so were not kept
};

struct StatisticsLimits {
  std::size_t operations = 64, models = 256;
  std::size_t label_sets = 2048;
  std::size_t rules = 256;  // reloading brings new ones
};

// Added to on the recorder's thread; any thread reads.
class RunningStatistics {
 public:
  explicit RunningStatistics(StatisticsLimits limits = {}) : limits_(limits) {}
  void add(const CallRecord& record);
  CallFigures figures() const;

 private:
  template <class Map>
  static std::string known(const Map& names, std::size_t most, const std::string& name);

  const StatisticsLimits limits_;
  mutable std::mutex mutex_;
  CallFigures figures_;
};

// Never fails.
std::unique_ptr<Sink> make_statistics_sink(std::shared_ptr<RunningStatistics> statistics);

}  // namespace borehole::calls
