// What lists show of a call, without reading its record. Never holds a body or a header.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"

namespace borehole::store {

struct CallSummary {
  std::int64_t seq = 0;  // the order of writing; numbers of calls that were taken away may come again
  WallTime started{};
  std::string id, started_at, way_in, outcome, operation, model_id, region, upstream_host, method, target, error_code;
  std::string access_key_id;  // or the name of an API key
  std::optional<int> status;
  std::optional<std::uint64_t> input_tokens, output_tokens;
  std::optional<std::string> cost_usd;  // exact decimal text
  std::optional<double> total_ms;
  std::uint64_t request_bytes = 0, response_bytes = 0;
  // Empty in calls that an older borehole wrote.
  std::string sdk, session_id, error_type;
  std::optional<std::uint64_t> cache_read_tokens, cache_write_tokens;
  std::string invocation_id, process_name, app_id, framework, session_name;
  std::optional<std::int64_t> attempt, process_pid;
  std::optional<double> first_token_ms;
  // Of all attempts of the invocation; only where the list was asked for last attempts. At least the number that the
  // client gave this one.
  std::optional<std::int64_t> attempts;
  std::optional<double> attempts_ms;  // from the start of the first to the end of the last; only if both are known
};

}  // namespace borehole::store
