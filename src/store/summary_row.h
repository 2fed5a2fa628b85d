// A row of the `calls` table as a summary. Never asks for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/call_summary.h"
#include "store/sqlite.h"

namespace borehole::store {

enum class WithAttempts : std::uint8_t { no, yes };

// The columns for `read_summary`, of `calls_and_origins`; `version` is the schema's. The one at `record_column` is
// `record`.
inline constexpr int record_column = 23;
std::string summary_columns(std::int64_t version, WithAttempts attempts = WithAttempts::no);
CallSummary read_summary(const Statement& row, WithAttempts attempts = WithAttempts::no);

template <class T>
std::optional<T> optional_integer(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return static_cast<T>(row.integer(column));
}
inline std::optional<double> optional_real(const Statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.real(column));
}

}  // namespace borehole::store
