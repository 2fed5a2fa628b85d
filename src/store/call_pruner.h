// Takes calls away as a person chose them, also while a proxy writes. Never keeps the store to itself for longer than a
// few hundred calls take.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "store/call_filter.h"

namespace borehole::store {

struct PrunedCalls {
  std::uint64_t calls = 0;
  std::uint64_t octets = 0;  // of their records as JSON; the store keeps them compressed
};

class CallPruner {
 public:
  // not_found if there is no file.
  static Result<std::unique_ptr<CallPruner>> open(const std::string& path);
  ~CallPruner();
  // What `prune` would take away now. `filter.limit` and `filter.before` do not count.
  Result<PrunedCalls> count(const CallFilter& filter);
  // Asks `go_on` between steps. Calls that are written meanwhile stay. Disk space is given back at the end.
  Result<PrunedCalls> prune(const CallFilter& filter, const std::function<bool()>& go_on);

 private:
  struct State;
  explicit CallPruner(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::store
