// Takes calls out of the store's tables, and their records out of the blocks that they share with others. Never begins
// or ends a transaction.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "store/call_totals.h"
#include "store/sqlite.h"

namespace borehole::store {

// What becomes of the record of a call that is taken away, where its block holds those of calls that stay.
enum class SharedBlock : std::uint8_t {
  stays,    // until the last of its calls goes: cheap, and soon where calls go in the order in which they came
  divided,  // now: the records of the others are written anew, each by itself
};

// The calls for which the SQL condition `which` holds, also from `totals` (null: the schema is older). Within the
// caller's transaction; gives how many they were.
Result<std::uint64_t> remove_calls(Database& database, CallTotals* totals, std::string_view which, SharedBlock shared);

}  // namespace borehole::store
