// Moments as requests, answers and records write them, to the second; never reads a clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace borehole::bedrock {

using Seconds = std::chrono::sys_seconds;

// `20260102T030405Z`, as X-Amz-Date has it.
std::optional<Seconds> parse_amz_date(std::string_view text) noexcept;
// `Fri, 02 Jan 2026 03:04:05 GMT` (RFC 9110 section 5.6.7, the form that senders must use).
std::optional<Seconds> parse_http_date(std::string_view text) noexcept;
// `2026-01-02T03:04:05.000006Z` as records have it (UTC; a fraction is cut off).
std::optional<Seconds> parse_record_time(std::string_view text) noexcept;

// `2026-01-02T03:04:05Z`
std::string seconds_text(Seconds time);
// "45 seconds", "22 minutes", "5 hours", "3 days": what a person would say of a span, whatever its sign.
std::string span_in_words(std::chrono::seconds span);

}  // namespace borehole::bedrock
