// Statistics out of the call store: sums that the writer keeps where they tell, and the rest call by call. Never
// writes.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "store/call_filter.h"
#include "store/call_statistics.h"
#include "store/sqlite.h"
#include "store/stored_records.h"

namespace borehole::store {

// In a time with no more calls than these, they are taken one by one, so that percentiles are as exact as those of
// PercentileCount.
inline constexpr std::int64_t most_counted_one_by_one = 20'000;

// `schema`: the database's version. `unreadable` is raised by the records that could not be looked through for the
// filter's text.
Result<CallStatistics> read_statistics(const Database& database, std::int64_t schema, const CallFilter& filter,
                                       GroupBy by, StoredRecords& records, std::uint64_t& unreadable,
                                       std::int64_t one_by_one = most_counted_one_by_one);

}  // namespace borehole::store
