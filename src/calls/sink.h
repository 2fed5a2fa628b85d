// Where finished records go. Called on the recorder's thread only; a failing sink never fails a call.
#pragma once

#include <vector>

#include "base/result.h"
#include "calls/call_record.h"

namespace borehole::calls {

class Sink {
 public:
  virtual ~Sink() = default;
  // A batch, oldest first. What could not be written is the sink's to count; the error is logged and shown.
  virtual Result<void> write(const std::vector<CallRecord>& batch) = 0;
  // What it has written survives a crash of the machine: who waits for a record waits for this sink.
  virtual bool keeps() const noexcept { return false; }
  // Called about once a minute, also while nothing is written: time to prune. Need not do anything.
  virtual Result<void> tend(WallTime) { return {}; }
};

}  // namespace borehole::calls
