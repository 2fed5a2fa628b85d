// A row of the call tables as it counts in statistics. Never asks for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/call_statistics.h"
#include "store/sqlite.h"

namespace borehole::store {

// The columns for `read_counted`, of `calls_and_origins`; `version` is the schema's. More may follow.
std::string counted_columns(std::string_view key, std::int64_t version);
inline constexpr int counted_column_count = 12;
// Views are valid until the next step. Whether it is the last attempt is not said.
CountedCall read_counted(const Statement& row);

}  // namespace borehole::store
