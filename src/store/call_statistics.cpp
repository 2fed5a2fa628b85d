#include "store/call_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <ratio>
#include <utility>

#include "calls/call_record.h"

namespace borehole::store {

namespace {

constexpr std::int64_t picos_in_dollar = 1'000'000'000'000;
constexpr std::array<std::pair<std::string_view, GroupBy>, 14> groups_by{{{"model", GroupBy::model},
                                                                          {"operation", GroupBy::operation},
                                                                          {"status", GroupBy::status},
                                                                          {"key", GroupBy::key},
                                                                          {"sdk", GroupBy::sdk},
                                                                          {"hour", GroupBy::hour},
                                                                          {"day", GroupBy::day},
                                                                          {"host", GroupBy::host},
                                                                          {"outcome", GroupBy::outcome},
                                                                          {"process", GroupBy::process},
                                                                          {"app", GroupBy::app},
                                                                          {"framework", GroupBy::framework},
                                                                          {"session", GroupBy::session},
                                                                          {"region", GroupBy::region}}};

// The beginning of the local hour or day, with the zone's offset at that call: hours that the end of summer time
// repeats stay apart.
std::string local_beginning(WallTime time, bool day) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::system_clock::time_point(std::chrono::floor<std::chrono::seconds>(time)));
  std::tm parts{};
  localtime_r(&seconds, &parts);
  if (day) {
    parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
    parts.tm_isdst = -1;
    (void)std::mktime(&parts);  // the offset that holds at midnight
  }
  const long minutes = parts.tm_gmtoff / 60;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:00:00{}{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, day ? 0 : parts.tm_hour, minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                     std::abs(minutes) % 60);
}

void add(std::optional<std::uint64_t>& sum, const std::optional<std::uint64_t>& value) {
  if (value) sum = sum.value_or(0) + *value;
}

}  // namespace

std::optional<GroupBy> parse_group_by(std::string_view name) noexcept {
  for (const auto& [known, by] : groups_by) {
    if (known == name) return by;
  }
  return std::nullopt;
}

std::string_view group_by_name(GroupBy by) noexcept { return groups_by.at(static_cast<std::size_t>(by)).first; }

std::vector<std::string_view> group_by_names() {
  std::vector<std::string_view> names;
  names.reserve(groups_by.size());
  for (const auto& [name, by] : groups_by) names.push_back(name);
  return names;
}

bool on_one_day(WallTime one, WallTime other) { return local_beginning(one, true) == local_beginning(other, true); }

double CallGroup::throttle_rate() const noexcept {
  return calls == 0 ? 0 : static_cast<double>(throttles) / static_cast<double>(calls);
}

bool DollarSum::add(std::string_view decimal) noexcept {
  constexpr std::size_t most_digits = 12;  // more dollars than anybody has
  const std::size_t dot = decimal.find('.');
  const std::string_view whole = decimal.substr(0, dot);
  const std::string_view part = dot == std::string_view::npos ? std::string_view() : decimal.substr(dot + 1);
  if (whole.empty() || whole.size() > most_digits || (dot != std::string_view::npos && part.empty())) return false;
  std::int64_t dollars = 0;
  for (const char c : whole) {
    if (c < '0' || c > '9') return false;
    dollars = dollars * 10 + (c - '0');
  }
  std::int64_t picos = 0;
  std::int64_t unit = picos_in_dollar;
  for (const char c : part) {
    if (c < '0' || c > '9') return false;
    unit /= 10;  // 0 behind the twelfth place
    picos += unit * (c - '0');
  }
  dollars_ += dollars;
  picos_ += picos;
  carry();
  return true;
}

void DollarSum::add(const DollarSum& other) noexcept {
  dollars_ += other.dollars_;
  picos_ += other.picos_;
  carry();
}

void DollarSum::subtract(const DollarSum& other) noexcept {
  dollars_ -= other.dollars_;
  picos_ -= other.picos_;
  carry();
}

DollarSum DollarSum::of(std::int64_t dollars, std::int64_t picos) noexcept {
  DollarSum out;
  out.dollars_ = dollars;
  out.picos_ = picos;
  out.carry();
  return out;
}

void DollarSum::carry() noexcept {
  dollars_ += picos_ / picos_in_dollar;
  picos_ %= picos_in_dollar;
  if (picos_ >= 0) return;
  picos_ += picos_in_dollar;
  --dollars_;
}

std::string DollarSum::text() const {
  std::string out = fmt::format("{}.{:012}", dollars_, picos_);
  out.erase(out.find_last_not_of('0') + 1);
  if (out.back() == '.') out.pop_back();
  return out;
}

bool CountedCall::throttled() const noexcept { return calls::is_throttle(error_type, status); }

void CallSums::add(const CountedCall& call, int sign) {
  const auto told = [sign](Told& into, const std::optional<std::uint64_t>& value) {
    if (!value) return;
    into.sum += sign * static_cast<std::int64_t>(*value);
    into.calls += sign;
  };
  const auto timed = [sign](Buckets& into, const std::optional<double>& value) {
    if (value) into.add(bucket_of(*value), sign);
  };
  const bool failed = call.failed(), throttled = call.throttled();
  calls += sign;
  if (failed) errors += sign;
  if (throttled) throttles += sign;
  if (call.last_of_several) retried += sign;
  if (call.last_of_several && (failed || throttled)) gave_up += sign;
  told(input_tokens, call.input_tokens);
  told(output_tokens, call.output_tokens);
  told(cache_read_tokens, call.cache_read_tokens);
  told(cache_write_tokens, call.cache_write_tokens);
  DollarSum one;
  if (one.add(call.cost_usd)) {
    sign > 0 ? cost.add(one) : cost.subtract(one);
    with_cost += sign;
  }
  timed(total_ms, call.total_ms);
  timed(first_token_ms, call.first_token_ms);
}

void CallSums::add(const CallSums& other) {
  const auto told = [](Told& into, const Told& more) {
    into.sum += more.sum;
    into.calls += more.calls;
  };
  calls += other.calls;
  errors += other.errors;
  throttles += other.throttles;
  retried += other.retried;
  gave_up += other.gave_up;
  with_cost += other.with_cost;
  told(input_tokens, other.input_tokens);
  told(output_tokens, other.output_tokens);
  told(cache_read_tokens, other.cache_read_tokens);
  told(cache_write_tokens, other.cache_write_tokens);
  cost.add(other.cost);
  total_ms.add(other.total_ms);
  first_token_ms.add(other.first_token_ms);
}

bool CallSums::possible() const noexcept {
  const auto told = [](const Told& one) { return one.sum >= 0 && one.calls >= 0; };
  const auto timed = [](const Buckets& of) {
    return std::all_of(of.counted().begin(), of.counted().end(), [](const auto& one) { return one.second >= 0; });
  };
  return std::min({calls, errors, throttles, retried, gave_up, with_cost, cost.dollars()}) >= 0 && told(input_tokens) &&
         told(output_tokens) && told(cache_read_tokens) && told(cache_write_tokens) && timed(total_ms) &&
         timed(first_token_ms);
}

std::string_view StatisticsCount::key_of(std::string_view key, WallTime started_at) {
  if (by_ != GroupBy::hour && by_ != GroupBy::day) return key;
  // Zones differ by whole quarters of an hour, and calls come in order: their beginnings are worked out but rarely.
  const auto quarter =
      std::chrono::floor<std::chrono::duration<std::int64_t, std::ratio<900>>>(started_at).time_since_epoch().count();
  if (quarter != quarter_) {
    quarter_ = quarter;
    beginning_ = local_beginning(started_at, by_ == GroupBy::day);
  }
  return beginning_;
}

void StatisticsCount::Growing::add(const CountedCall& call) {
  const bool failed = call.failed(), throttled = call.throttled();
  ++group.calls;
  if (failed) ++group.errors;
  if (throttled) ++group.throttles;
  if (call.last_of_several) add_retried(failed || throttled);
  store::add(group.input_tokens, call.input_tokens);
  store::add(group.output_tokens, call.output_tokens);
  store::add(group.cache_read_tokens, call.cache_read_tokens);
  store::add(group.cache_write_tokens, call.cache_write_tokens);
  if (group.cost.add(call.cost_usd)) ++group.with_cost;
  if (call.total_ms) total_ms.add(*call.total_ms);
  if (call.first_token_ms) first_token_ms.add(*call.first_token_ms);
}

void StatisticsCount::Growing::add(const CallSums& sums) {
  const auto count = [](std::uint64_t& into, std::int64_t more) { into += static_cast<std::uint64_t>(more); };
  const auto told = [](std::optional<std::uint64_t>& into, const CallSums::Told& more) {
    if (more.calls > 0) into = into.value_or(0) + static_cast<std::uint64_t>(more.sum);
  };
  count(group.calls, sums.calls);
  count(group.errors, sums.errors);
  count(group.throttles, sums.throttles);
  count(group.retried, sums.retried);
  count(group.gave_up, sums.gave_up);
  count(group.with_cost, sums.with_cost);
  told(group.input_tokens, sums.input_tokens);
  told(group.output_tokens, sums.output_tokens);
  told(group.cache_read_tokens, sums.cache_read_tokens);
  told(group.cache_write_tokens, sums.cache_write_tokens);
  group.cost.add(sums.cost);
  total_ms.add(sums.total_ms);
  first_token_ms.add(sums.first_token_ms);
}

void StatisticsCount::Growing::add_retried(bool gave_up) {
  ++group.retried;
  if (gave_up) ++group.gave_up;
}

CallGroup StatisticsCount::Growing::take() {
  group.total_ms = total_ms.percentiles();
  group.first_token_ms = first_token_ms.percentiles();
  return std::move(group);
}

StatisticsCount::Growing& StatisticsCount::group_of(std::string_view key, WallTime started_at) {
  key = key_of(key, started_at);
  auto found = groups_.find(key);
  if (found == groups_.end() && groups_.size() >= most_groups) {
    key = others;
    found = groups_.find(key);
  }
  if (found == groups_.end()) found = groups_.emplace(std::string(key), Growing()).first;
  return found->second;
}

void StatisticsCount::add(const CountedCall& call) {
  group_of(call.key, call.started_at).add(call);
  total_.add(call);
}

void StatisticsCount::add(std::string_view key, WallTime started_at, const CallSums& sums) {
  group_of(key, started_at).add(sums);
  total_.add(sums);
}

void StatisticsCount::add_retried(std::string_view key, WallTime started_at, bool gave_up) {
  group_of(key, started_at).add_retried(gave_up);
  total_.add_retried(gave_up);
}

CallStatistics StatisticsCount::take() {
  CallStatistics out;
  out.groups.reserve(groups_.size());
  for (auto& [key, growing] : groups_) {
    out.groups.push_back(growing.take());
    out.groups.back().key = key;
  }
  groups_.clear();
  out.total = std::exchange(total_, {}).take();
  if (by_ != GroupBy::hour && by_ != GroupBy::day) {
    std::stable_sort(out.groups.begin(), out.groups.end(),
                     [](const CallGroup& a, const CallGroup& b) { return a.calls > b.calls; });
  }
  return out;
}

}  // namespace borehole::store
