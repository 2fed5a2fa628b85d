// The recorder's thread: takes captured calls from the workers' mailbox, decodes them and writes them in batches. Never
// slows a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bedrock/price.h"
#include "calls/call_tap.h"
#include "calls/sink.h"

namespace borehole::store {

struct RecorderOptions {
  std::size_t mailbox_bytes = 64 * 1024 * 1024;       // what waits to be written; as much again may be with the sinks
  const Clock* clock = nullptr;                       // null: the system's. Else it must outlive the recorder
  std::shared_ptr<const bedrock::PriceTable> prices;  // null: calls have no cost
};

// Every call ends in one of the last three: after `flush`, delivered == written + failed. Dropped ones are no part of
// `delivered`.
struct RecorderCounters {
  std::uint64_t delivered = 0;      // taken into the mailbox
  std::uint64_t written = 0;        // by every sink
  std::uint64_t dropped = 0;        // the mailbox was full, or memory ran out while they were captured
  std::uint64_t failed = 0;         // a sink could not write (others may have)
  std::uint64_t mailbox_bytes = 0;  // wait now, as their memory is counted
};

// What went wrong last.
struct RecorderTrouble {
  std::optional<TimePoint> failed_at;   // a sink could not write, and nothing was written whole since
  std::string failure;                  // its sentence
  std::optional<TimePoint> dropped_at;  // as RecorderCounters::dropped
};

// Any thread delivers; one thread of its own writes: up to 512 records at a time, begun at most 90 ms after the first
// of them came (later only where a batch before them takes longer than that), and at once those that somebody waits for
// (`CapturedCall::receipt`), with all that came meanwhile. Destroying it writes what is in the mailbox first. Drops and
// failures are logged at most once a minute. Where memory runs out it goes on, and counts what it cost.
class Recorder final : public calls::CallOutbox {
 public:
  Recorder(std::vector<std::unique_ptr<calls::Sink>> sinks, const RecorderOptions& options);
  ~Recorder() override;
  void deliver(std::unique_ptr<calls::CapturedCall> call) noexcept override;
  void missed() noexcept override;
  RecorderCounters counters() const noexcept;
  // For records that are written from now on (the configuration was loaded again).
  void set_prices(std::shared_ptr<const bedrock::PriceTable> prices);
  RecorderTrouble trouble() const;
  // Writes everything that was delivered before the call; blocks. For shutdown and tests.
  void flush();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::store
