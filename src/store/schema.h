// The tables of the call store and how older files become current ones. Never touches a file that is another
// program's or newer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/sqlite.h"

namespace borehole::store {

// "BHOL": `PRAGMA application_id` of the files that are ours.
inline constexpr std::int64_t application_id = 0x42484F4C;

// From here on there are `call_origins` and `attempts`.
inline constexpr std::int64_t first_version_with_origins = 5;
// And `call_kinds`, `call_totals`, `retries` and `totals_done`.
inline constexpr std::int64_t first_version_with_totals = 6;

// Step i (from 0) makes a file of `PRAGMA user_version` i one of i + 1. Steps are only ever appended.
std::span<const std::string_view> migrations() noexcept;

// Whose file it is and which version it has. 0: an empty one. An error for another program's and for a newer one.
Result<std::int64_t> check_version(const Database& database, const std::string& path, std::size_t known_version);

// Brings a file to the last step, each step in a transaction with its version, so that a crash leaves an older but
// whole file. Precondition: `check_version` was fine.
Result<void> migrate(Database& database, std::span<const std::string_view> steps);

}  // namespace borehole::store
