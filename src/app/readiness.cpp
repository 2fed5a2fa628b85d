#include "app/readiness.h"

#include <fmt/format.h>

namespace borehole::app {

namespace {

constexpr auto warn_before = std::chrono::days(7);
constexpr Duration recently = std::chrono::minutes(1);
constexpr const char* rotate = "run `borehole ca rotate`, start again and trust the new ca.pem";

std::string day(WallTime time) { return format_rfc3339(time).substr(0, 10); }

}  // namespace

web::Readiness judge(const ReadinessFacts& facts) {
  web::Readiness out;
  if (facts.draining) out.wrong.emplace_back("borehole is shutting down; send new calls elsewhere");
  if (facts.wall >= facts.ca_not_after) {
    out.wrong.push_back(
        fmt::format("the CA in {} expired on {}; {}", facts.ca_folder, day(facts.ca_not_after), rotate));
  } else if (facts.ca_not_after - facts.wall <= warn_before) {
    out.warnings.push_back(
        fmt::format("the CA in {} expires on {}; {}", facts.ca_folder, day(facts.ca_not_after), rotate));
  }
  for (const auto& fault : facts.store_faults) out.wrong.push_back(fault);
  const auto lately = [&](const std::optional<TimePoint>& at) { return at && facts.now - *at < recently; };
  if (lately(facts.trouble.failed_at)) {
    out.wrong.push_back(fmt::format("records of calls could not be written: {}", facts.trouble.failure));
  }
  if (lately(facts.trouble.dropped_at)) {
    out.wrong.emplace_back(
        "records of calls were dropped within the last minute, because they came faster than they can be written, or "
        "memory ran out; give record.store a faster disk, or lower record.bodies.max_bytes");
  }
  if (lately(facts.out_of_memory_at)) {
    out.wrong.emplace_back(
        "connections were ended with their calls within the last minute, because memory had run out; give borehole "
        "more, or lower limits.connections and limits.buffered_bytes");
  }
  return out;
}

}  // namespace borehole::app
