// Calls summed up in groups: how many, how many failed, tokens, cost, percentiles of time. Never reads the store.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/percentiles.h"

namespace borehole::store {

enum class GroupBy : std::uint8_t {
  model,
  operation,
  status,
  key,
  sdk,
  hour,
  day,
  host,
  outcome,
  process,
  app,
  framework,
  session,
  region
};
std::optional<GroupBy> parse_group_by(std::string_view name) noexcept;
std::string_view group_by_name(GroupBy by) noexcept;
std::vector<std::string_view> group_by_names();

// Whether it is the same day in the machine's zone.
bool on_one_day(WallTime one, WallTime other);

// An exact sum of decimal amounts, in 10^-12 dollars.
class DollarSum {
 public:
  // False (and nothing is added) for what is no plain decimal number.
  bool add(std::string_view decimal) noexcept;
  void add(const DollarSum& other) noexcept;
  void subtract(const DollarSum& other) noexcept;
  std::string text() const;  // "0.0123": without zeroes at the end
  // The two numbers that it is made of; below 0 as a whole where `dollars` is.
  std::int64_t dollars() const noexcept { return dollars_; }
  std::int64_t picos() const noexcept { return picos_; }
  static DollarSum of(std::int64_t dollars, std::int64_t picos) noexcept;

 private:
  void carry() noexcept;
  std::int64_t dollars_ = 0;
  std::int64_t picos_ = 0;  // from 0, below 10^12
};

// One call, as far as it counts.
struct CountedCall {
  WallTime started_at{};
  std::string_view key;  // of its group; unused for hour and day
  std::string_view outcome, error_type, cost_usd;
  std::optional<int> status;
  std::optional<std::uint64_t> input_tokens, output_tokens, cache_read_tokens, cache_write_tokens;
  std::optional<double> total_ms, first_token_ms;
  bool last_of_several = false;  // the last attempt of an invocation that needed more than one

  bool failed() const noexcept { return status.value_or(0) >= 400 || outcome != "complete"; }
  bool throttled() const noexcept;
};

// Calls that were summed up before: sums over some of them may be taken from those over all, so none is unsigned.
struct CallSums {
  struct Told {
    std::int64_t sum = 0, calls = 0;  // over so many calls that tell it
  };
  std::int64_t calls = 0, errors = 0, throttles = 0, retried = 0, gave_up = 0, with_cost = 0;
  Told input_tokens, output_tokens, cache_read_tokens, cache_write_tokens;
  DollarSum cost;
  Buckets total_ms, first_token_ms;

  void add(const CountedCall& call, int sign = 1);
  void add(const CallSums& other);
  bool possible() const noexcept;  // nothing is below 0
};

struct CallGroup {
  std::string key;  // empty: not known. Of an hour or a day its beginning, RFC 3339, in the machine's zone
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;     // a status of 400 or above, or an outcome other than complete
  std::uint64_t throttles = 0;  // Amazon's ThrottlingException, also inside a stream
  std::uint64_t retried = 0;    // invocations that needed more than one attempt
  std::uint64_t gave_up = 0;    // of those: the last attempt failed too
  // Sums over the calls that tell the count; none where no call does.
  std::optional<std::uint64_t> input_tokens, output_tokens, cache_read_tokens, cache_write_tokens;
  DollarSum cost;
  std::uint64_t with_cost = 0;  // calls whose cost is known
  Percentiles total_ms, first_token_ms;
  double throttle_rate() const noexcept;  // of its calls, 0 to 1
};

struct CallStatistics {
  std::vector<CallGroup> groups;  // hours and days in order; others by the number of calls, most first
  CallGroup total;
};

// What it keeps has a bound, whatever the calls are: beyond `most_groups` further ones are counted as one.
class StatisticsCount {
 public:
  static constexpr std::size_t most_groups = 10'000;
  static constexpr std::string_view others = "(others)";  // the key of those beyond

  explicit StatisticsCount(GroupBy by) : by_(by) {}
  void add(const CountedCall& call);
  // Calls of one group, that all started in the quarter of an hour that `started_at` is in.
  void add(std::string_view key, WallTime started_at, const CallSums& sums);
  // One invocation that needed more than one attempt, where `add` was told of its calls without that.
  void add_retried(std::string_view key, WallTime started_at, bool gave_up);
  CallStatistics take();

 private:
  struct Growing {
    CallGroup group;
    PercentileCount total_ms, first_token_ms;
    void add(const CountedCall& call);
    void add(const CallSums& sums);
    void add_retried(bool gave_up);
    CallGroup take();
  };
  std::string_view key_of(std::string_view key, WallTime started_at);
  Growing& group_of(std::string_view key, WallTime started_at);
  GroupBy by_;
  std::optional<std::int64_t> quarter_;  // the quarter of an hour, since 1970, that `beginning_` was made for
  std::string beginning_;
  std::map<std::string, Growing, std::less<>> groups_;
  Growing total_;
};

}  // namespace borehole::store
