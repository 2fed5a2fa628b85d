// When the octets of a streamed response came, and from that, when its tokens did; keeps no octets, never more than its
// bound of marks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace borehole::calls {

// One mark per arrival, while it is on the worker's thread. When there are too many, later ones are merged, two by two.
class StreamMarks {
 public:
  static constexpr std::size_t most = 4096;
  static constexpr std::size_t never_merged = 256;  // so that the first token is exact

  struct Mark {
    std::uint64_t end;     // octets of the body that had come
    std::uint32_t at;      // in `tick`s since the request's head had come
    std::uint32_t widest;  // of several arrivals: the longest wait before one of them; of one: 0
  };
  static constexpr auto tick = std::chrono::microseconds(10);  // 32 bits hold half a day

  // The body was `end` octets long when these came; neither may decrease. May throw when memory is out.
  void add(std::uint64_t end, Duration since_request);

  std::span<const Mark> marks() const noexcept { return marks_; }
  std::size_t memory() const noexcept { return marks_.capacity() * sizeof(Mark); }

 private:
  void merge();

  std::vector<Mark> marks_;
  std::uint32_t arrivals_per_mark_ = 1;  // of those after never_merged
  std::uint32_t arrivals_ = 0;           // in the last mark
};

// In milliseconds. Gaps are between arrivals that brought tokens; events that came together share the gap before them.
struct TokenTimes {
  std::optional<double> first;                      // since the request's head had come
  std::optional<double> last;                       // the same of the last one
  std::optional<double> gap_p50, gap_p95, gap_max;  // absent with fewer than two arrivals
};

// `ends`: where in the body each event ends that brought tokens, in order.
TokenTimes token_times(std::span<const StreamMarks::Mark> marks, std::span<const std::uint64_t> ends);

// What had come, and when in milliseconds since the request's head: up to the mark by which `octets` were there.
std::vector<std::pair<std::uint64_t, double>> arrival_times(std::span<const StreamMarks::Mark> marks,
                                                            std::uint64_t octets);

}  // namespace borehole::calls
