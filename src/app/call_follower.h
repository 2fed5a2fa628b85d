// Gives every call that is written to a store from now on, once; waits where there is none, follows it across restarts
// of the proxy, prunes and a store that was replaced. Never locks it for longer than a look.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "store/call_store.h"

namespace borehole::app {

class CallFollower {
 public:
  // Calls count as new if they are written after the first `look`, or start after `now`.
  CallFollower(std::string path, store::CallFilter filter, WallTime now);

  // What was written since the last look, in the order of writing; nothing yet where there is no store. The first look
  // gives the last `first` calls. An error for a store that cannot be read at all.
  Result<std::vector<store::ReadCall>> look(std::size_t first);
  bool has_store() const noexcept { return reader_ != nullptr; }

 private:
  Result<void> open(std::size_t first, std::vector<store::ReadCall>& calls);
  Result<void> read_on(std::vector<store::ReadCall>& calls);
  bool replaced() const;
  void give(std::vector<store::ReadCall>& calls, store::ReadCall call);

  std::string path_;
  store::CallFilter filter_;
  WallTime begin_;
  std::unique_ptr<store::CallStoreReader> reader_;
  struct stat file_ {};
  bool looked_ = false;
  std::int64_t version_ = 0;
  store::CallStoreReader::Newest last_;  // the newest that was there at the last look, fitting the filter or not
  std::deque<std::string> given_;        // ids, the latest
  std::unordered_set<std::string> known_;
};

}  // namespace borehole::app
