// Whether a running proxy should be given calls, and what to do where not. Pure: what is looked at is handed in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/recorder.h"
#include "web/admin_server.h"

namespace borehole::app {

struct ReadinessFacts {
  bool draining = false;
  WallTime wall{};
  TimePoint now{};
  WallTime ca_not_after{};
  std::string ca_folder;
  store::RecorderTrouble trouble;
  std::optional<TimePoint> out_of_memory_at;  // a connection was refused or ended for want of memory
  std::vector<std::string> store_faults;
};

// Not ready: shutting down, an expired CA, a store that cannot be written, records that were lost, or connections that
// were for want of memory, within the last minute. A warning: a CA that expires within seven days.
web::Readiness judge(const ReadinessFacts& facts);

}  // namespace borehole::app
