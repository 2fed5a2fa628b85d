#include "store/summary_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "store/call_query.h"
#include "store/schema.h"

namespace borehole::store {

namespace {

// How many other attempts the invocation has, when the first of them began and the last of them ended.
std::string attempt_columns() {
  constexpr std::string_view of_others =
      ", (SELECT {} FROM attempts CROSS JOIN calls AS one ON one.seq = attempts.call CROSS JOIN call_origins AS other "
      "ON other.of_call = attempts.call WHERE attempts.invocation = origin.invocation_id AND attempts.call <> call.seq "
      "AND coalesce(other.attempt <> origin.attempt, 1))";
  return fmt::format(of_others, "count(*)") + fmt::format(of_others, "min(attempts.start)") +
         fmt::format(of_others, "max(one.started_us + coalesce(one.total_ms, 0) * 1000)");
}

constexpr int first_attempt_column = 34;

}  // namespace

std::string summary_columns(std::int64_t version, WithAttempts attempts) {
  const auto later = [&](std::string_view name) { return later_column(name, version); };
  std::string columns = fmt::format(
      "call.seq, started_us, id, way_in, outcome, operation, model_id, region, upstream_host, method, target, "
      "error_code, access_key_id, status, input_tokens, output_tokens, cost_usd, total_ms, request_bytes, "
      "response_bytes, {}, {}, {}, record, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}",
      later("sdk"), later("session_id"), later("error_type"), later("cache_read_tokens"), later("cache_write_tokens"),
      later("invocation_id"), later("process_name"), later("app_id"), later("framework"), later("session_name"),
      later("attempt"), later("process_pid"), later("first_token_ms"));
  if (attempts == WithAttempts::no) return columns;
  columns += version >= first_version_with_origins ? attempt_columns() : ", NULL, NULL, NULL";
  return columns;
}

CallSummary read_summary(const Statement& row, WithAttempts attempts) {
  CallSummary out;
  out.seq = row.integer(0);
  out.started = WallTime(std::chrono::microseconds(row.integer(1)));
  out.started_at = format_rfc3339(out.started);
  out.id = row.text(2);
  out.way_in = row.text(3);
  out.outcome = row.text(4);
  out.operation = row.text(5);
  out.model_id = row.text(6);
  out.region = row.text(7);
  out.upstream_host = row.text(8);
  out.method = row.text(9);
  out.target = row.text(10);
  out.error_code = row.text(11);
  out.access_key_id = row.text(12);
  out.status = optional_integer<int>(row, 13);
  out.input_tokens = optional_integer<std::uint64_t>(row, 14);
  out.output_tokens = optional_integer<std::uint64_t>(row, 15);
  if (!row.is_null(16)) out.cost_usd = row.text(16);
  out.total_ms = optional_real(row, 17);
  out.request_bytes = static_cast<std::uint64_t>(row.integer(18));
  out.response_bytes = static_cast<std::uint64_t>(row.integer(19));
  out.sdk = row.text(20);
  out.session_id = row.text(21);
  out.error_type = row.text(22);
  out.cache_read_tokens = optional_integer<std::uint64_t>(row, 24);
  out.cache_write_tokens = optional_integer<std::uint64_t>(row, 25);
  out.invocation_id = row.text(26);
  out.process_name = row.text(27);
  out.app_id = row.text(28);
  out.framework = row.text(29);
  out.session_name = row.text(30);
  out.attempt = optional_integer<std::int64_t>(row, 31);
  out.process_pid = optional_integer<std::int64_t>(row, 32);
  out.first_token_ms = optional_real(row, 33);
  if (attempts == WithAttempts::no) return out;
  const std::int64_t others = row.integer(first_attempt_column);
  out.attempts = std::max(others + 1, out.attempt.value_or(1));
  if (others > 0) {
    const auto began = static_cast<double>(row.integer(1));
    const double ended = std::max(began + out.total_ms.value_or(0) * 1000, row.real(first_attempt_column + 2));
    out.attempts_ms = (ended - std::min(began, row.real(first_attempt_column + 1))) / 1000;
  } else if (out.attempts == 1) {
    out.attempts_ms = out.total_ms;
  }
  return out;
}

}  // namespace borehole::store
