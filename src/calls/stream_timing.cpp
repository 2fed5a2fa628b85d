#include "calls/stream_timing.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace borehole::calls {

namespace {

double millis(std::uint32_t ticks) {
  return std::chrono::duration<double, std::milli>(StreamMarks::tick * static_cast<std::int64_t>(ticks)).count();
}

std::uint32_t widest_in(const StreamMarks::Mark& before, const StreamMarks::Mark& mark) {
  return mark.widest != 0 ? mark.widest : mark.at - std::min(mark.at, before.at);
}

StreamMarks::Mark joined(const StreamMarks::Mark& before, const StreamMarks::Mark& first,
                         const StreamMarks::Mark& second) {
  return {second.end, second.at, std::max(widest_in(before, first), widest_in(first, second))};
}

// Gaps of one length, as many as there were events.
struct Gaps {
  double length;
  std::uint64_t count;
};

// The shortest that `percent` of them do not exceed (nearest rank). Precondition: sorted.
double percentile(const std::vector<Gaps>& gaps, std::uint64_t percent) {
  std::uint64_t all = 0;
  for (const Gaps& some : gaps) all += some.count;
  std::uint64_t before = 0;
  for (const Gaps& some : gaps) {
    before += some.count;
    if (100 * before >= percent * all) return some.length;
  }
  return 0;
}

}  // namespace

void StreamMarks::add(std::uint64_t end, Duration since_request) {
  const auto ticks = std::max<Duration::rep>(0, since_request / tick);
  const auto at = static_cast<std::uint32_t>(std::min<Duration::rep>(ticks, std::numeric_limits<std::uint32_t>::max()));
  if (marks_.size() > never_merged && arrivals_ < arrivals_per_mark_) {
    marks_.back() = joined(marks_[marks_.size() - 2], marks_.back(), {end, at, 0});
    ++arrivals_;
    return;
  }
  if (marks_.size() == most) merge();
  marks_.push_back({end, at, 0});
  arrivals_ = 1;
}

void StreamMarks::merge() {
  std::size_t to = never_merged;
  for (std::size_t from = never_merged; from + 1 < marks_.size(); from += 2) {
    marks_[to++] = joined(marks_[from - 1], marks_[from], marks_[from + 1]);
  }
  marks_.resize(to);
  arrivals_per_mark_ *= 2;
}

std::vector<std::pair<std::uint64_t, double>> arrival_times(std::span<const StreamMarks::Mark> marks,
                                                            std::uint64_t octets) {
  std::vector<std::pair<std::uint64_t, double>> times;
  for (const auto& mark : marks) {
    times.emplace_back(mark.end, millis(mark.at));
    if (mark.end >= octets) break;
  }
  return times;
}

TokenTimes token_times(std::span<const StreamMarks::Mark> marks, std::span<const std::uint64_t> ends) {
  TokenTimes times;
  std::vector<Gaps> gaps;
  std::optional<std::uint32_t> last;  // when tokens last came
  std::uint32_t widest = 0;
  std::size_t event = 0;
  for (const auto& mark : marks) {
    std::uint64_t count = 0;
    for (; event < ends.size() && ends[event] <= mark.end; ++event) ++count;
    if (count == 0) continue;
    if (!last) {
      times.first = millis(mark.at);
    } else {
      const std::uint32_t gap = mark.at - std::min(mark.at, *last);
      gaps.push_back({millis(gap) / static_cast<double>(count), count});
      widest = std::max(widest, mark.widest != 0 ? std::min(gap, mark.widest) : gap);
    }
    last = mark.at;
  }
  if (last) times.last = millis(*last);
  if (gaps.empty()) return times;
  std::sort(gaps.begin(), gaps.end(), [](const Gaps& a, const Gaps& b) { return a.length < b.length; });
  times.gap_p50 = percentile(gaps, 50);
  times.gap_p95 = percentile(gaps, 95);
  // Of merged arrivals some may have brought no token; then the gap is longer than any wait that is known.
  times.gap_max = std::max(millis(widest), gaps.back().length);
  return times;
}

}  // namespace borehole::calls
