// Writes batches of records into an open call store, those that come together in blocks. Never prunes, never migrates.
#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "calls/call_record.h"
#include "store/call_totals.h"
#include "store/sqlite.h"

namespace borehole::store {

// One thread at a time.
class CallInsertion {
 public:
  // The database has today's schema; it and its totals outlive it.
  static Result<CallInsertion> prepare(Database& database, CallTotals& totals);
  ~CallInsertion();
  CallInsertion(CallInsertion&&) noexcept;
  CallInsertion& operator=(CallInsertion&&) noexcept;
  // One transaction: all of the batch or nothing of it.
  Result<void> write(std::span<const calls::CallRecord> batch);

 private:
  struct State;
  explicit CallInsertion(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::store
