// Keeps sums over the calls, so that statistics need not read every call. Never begins or ends a transaction.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/sqlite.h"

namespace borehole::store {

// What `call_kinds.part` says: which columns calls of one kind have in common. Each call is counted in all four.
enum class TotalsPart : std::uint8_t {
  kind,     // all but the process and the session
  process,  // process_pid, process_name
  session,  // session_id
  all       // none
};

// What `call_totals.level` says, by its index: how long a time from `start` on the sums are over. Times begin at whole
// multiples since 1970, so that each is made of sixteen of the level below. Every zone's hours and days begin with one
// of the first level, a quarter of an hour. `TotalsPart::all` has that level only.
inline constexpr std::array<std::chrono::microseconds, 4> totals_lengths{
    std::chrono::minutes(15), std::chrono::hours(4), std::chrono::hours(64), std::chrono::hours(1024)};

// The beginning of the time of this length that `micros` since 1970 is in.
constexpr std::int64_t beginning(std::int64_t micros, std::chrono::microseconds length) noexcept {
  const std::int64_t over = micros % length.count();
  return micros - over - (over < 0 ? length.count() : 0);
}

// One thread at a time. Where the sums turn out to be damaged, they are dropped, and counted anew by `fold`.
class CallTotals {
 public:
  // The database has today's schema, and outlives it.
  static Result<CallTotals> prepare(Database& database);
  ~CallTotals();
  CallTotals(CallTotals&&) noexcept;
  CallTotals& operator=(CallTotals&&) noexcept;

  // Counts the next calls that are not in the sums, at most so many. How many they were.
  Result<std::uint64_t> fold(std::uint64_t most);
  // How many places in the order of writing are not counted yet: about so many calls.
  Result<std::uint64_t> behind();

  // To be told before the calls for which the SQL condition `which` holds are taken away, and after.
  Result<void> forget(std::string_view which);
  Result<void> forgotten();
  // To be told after attempts of these invocations were written that are not known to be the first.
  Result<void> attempted(const std::set<std::string>& invocations);

 private:
  struct State;
  explicit CallTotals(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::store
