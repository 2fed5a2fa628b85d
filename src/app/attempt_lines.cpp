#include "app/attempt_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "app/moments.h"
#include "app/terminal_text.h"

namespace borehole::app {

namespace {

std::string line_of(const store::CallSummary& one, const store::CallSummary* before) {
  std::string line = fmt::format("{}  {}", one.attempt ? std::to_string(*one.attempt) : "?",
                                 one.status ? std::to_string(*one.status) : "no answer");
  const std::string& how = one.outcome == "complete" ? one.error_type : one.outcome;
  if (!how.empty()) line += "  " + how;
  line += "  " + local_time_with_zone(one.started);
  if (one.total_ms) line += "  took " + in_ms(*one.total_ms);
  if (before != nullptr && before->total_ms) {
    const std::chrono::duration<double, std::milli> since = one.started - before->started;
    line += "  after a pause of " + in_ms(std::max(since.count() - *before->total_ms, 0.0));
  }
  return line + "  " + one.id;
}

}  // namespace

std::string in_ms(double milliseconds) {
  return milliseconds < 10'000 ? fmt::format("{:.1f} ms", milliseconds) : fmt::format("{:.2f} s", milliseconds / 1000);
}

std::string attempt_lines(const std::vector<store::CallSummary>& attempts, std::string_view own_id, bool colours) {
  if (std::all_of(attempts.begin(), attempts.end(), [&](const auto& one) { return one.id == own_id; })) return {};
  std::string out;
  const store::CallSummary* before = nullptr;
  for (const store::CallSummary& one : attempts) {
    std::string line = harmless(line_of(one, before));
    if (one.id == own_id) line += "  (this one)";
    const bool good = one.outcome == "complete" && one.status.value_or(0) < 400;
    out += "  " + (colours && !good ? coloured(line, red) : line) + '\n';
    before = &one;
  }
  return out;
}

}  // namespace borehole::app
