// Where in time calls lie that a filter may let through, as the totals tell. Never reads a call that they have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "base/result.h"
#include "store/call_filter.h"
#include "store/call_query.h"
#include "store/sqlite.h"

namespace borehole::store {

// Slices of time, the newest first, outside of which no call fits: a walk through the calls can leave out what lies
// between them. The newest calls are one slice, whether they fit or not, since most walks end there.
class TimeSlices {
 public:
  struct Slice {
    std::int64_t first = 0, end = 0;  // microseconds since 1970: from `first` on, before `end`
  };
  // nullopt: the totals cannot tell, and all time has to be walked through. `schema`: the database's version; `end`:
  // calls from there on are not wanted, whatever the filter says.
  static Result<std::optional<TimeSlices>> open(const Database& database, std::int64_t schema, const CallFilter& filter,
                                                std::int64_t end);
  // nullopt: there is none any more.
  Result<std::optional<Slice>> next();

 private:
  TimeSlices(const Database& database, CallConditions conditions, int part, Slice wanted, std::int64_t newest);
  Result<std::deque<std::int64_t>> starts(std::size_t level, std::int64_t first, std::int64_t end, std::size_t most);

  const Database* database_;
  CallConditions conditions_;
  int part_;
  Slice wanted_;
  std::optional<Slice> newest_;
  std::int64_t before_;                        // all time from here on was given
  std::deque<std::int64_t> spans_, quarters_;  // that may have some, the newest first
  bool more_spans_ = true;
};

}  // namespace borehole::store
