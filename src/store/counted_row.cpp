#include "store/counted_row.h"

#include <fmt/format.h>

#include <chrono>

#include "store/call_query.h"
#include "store/summary_row.h"

namespace borehole::store {

std::string counted_columns(std::string_view key, std::int64_t version) {
  return fmt::format("started_us, {}, outcome, {}, cost_usd, status, input_tokens, output_tokens, {}, {}, total_ms, {}",
                     key, later_column("error_type", version), later_column("cache_read_tokens", version),
                     later_column("cache_write_tokens", version), later_column("first_token_ms", version));
}

CountedCall read_counted(const Statement& row) {
  CountedCall call;
  call.started_at = WallTime(std::chrono::microseconds(row.integer(0)));
  call.key = row.octets(1);
  call.outcome = row.octets(2);
  call.error_type = row.octets(3);
  call.cost_usd = row.octets(4);
  call.status = optional_integer<int>(row, 5);
  call.input_tokens = optional_integer<std::uint64_t>(row, 6);
  call.output_tokens = optional_integer<std::uint64_t>(row, 7);
  call.cache_read_tokens = optional_integer<std::uint64_t>(row, 8);
  call.cache_write_tokens = optional_integer<std::uint64_t>(row, 9);
  call.total_ms = optional_real(row, 10);
  call.first_token_ms = optional_real(row, 11);
  return call;
}

}  // namespace borehole::store
