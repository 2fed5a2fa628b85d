#include "calls/statistics.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <numeric>
#include <utility>

#include "calls/utf8.h"

namespace borehole::calls {

namespace {

constexpr std::size_t longest_name = 256;
constexpr auto none = "none";
constexpr auto other = "other";

double seconds(double milliseconds) { return milliseconds / 1000; }

}  // namespace

void Histogram::add(double seconds) noexcept {
  const auto* const at = std::lower_bound(bounds.begin(), bounds.end(), seconds);
  ++counts_[static_cast<std::size_t>(std::distance(bounds.begin(), at))];
  sum_ += seconds;
}

std::uint64_t Histogram::at_most(std::size_t i) const noexcept {
  return std::accumulate(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::uint64_t{0});
}

// `name` if it is among `names` or there is room for it.
template <class Map>
std::string RunningStatistics::known(const Map& names, std::size_t most, const std::string& name) {
  if (name.empty()) return none;
  if (name.size() > longest_name || !is_utf8(name)) return other;
  return names.contains(name) || names.size() < most ? name : other;
}

void RunningStatistics::add(const CallRecord& record) {
  const std::lock_guard lock(mutex_);
  CallLabels labels;
  labels.operation = known(figures_.latency, limits_.operations, record.aws.operation);
  labels.model = known(figures_.tokens, limits_.models, record.aws.model_id);
  labels.status = record.response.status ? std::to_string(*record.response.status) : none;
  auto& latency = figures_.latency[labels.operation];
  auto& tokens = figures_.tokens[labels.model];

  if (!figures_.calls.contains(labels) && figures_.calls.size() >= limits_.label_sets) labels.model = other;
  if (!figures_.calls.contains(labels) && figures_.calls.size() >= limits_.label_sets) {
    labels = {other, other, record.response.status ? labels.status.substr(0, 1) + "xx" : none};
  }
  ++figures_.calls[labels];
  if (labels.model == other || labels.operation == other) ++figures_.folded;

  const auto& response = record.response;
  const bool inside_stream = response.error_type.empty() && response.stream;
  if (is_throttle(inside_stream ? response.stream->exception : response.error_type, response.status)) {
    ++figures_.throttles[labels.model];
  }

  const auto& usage = record.usage;
  if (usage.spent()) {
    tokens.input += usage.input_tokens.value_or(0);
    tokens.output += usage.output_tokens.value_or(0);
    tokens.cache_read += usage.cache_read_tokens.value_or(0);
    tokens.cache_write += usage.cache_write_tokens.value_or(0);
  }
  if (record.cost_usd) {
    double cost = 0;
    const std::string& text = *record.cost_usd;
    if (std::from_chars(text.data(), text.data() + text.size(), cost).ec == std::errc()) {
      figures_.cost_usd[known(figures_.tokens, limits_.models, record.aws.model_id)] += cost;
    }
  }

  const auto& timing = record.timing_ms;
  if (timing.total && record.outcome == Outcome::complete) latency.total.add(seconds(*timing.total));
  if (timing.upstream_first_byte) latency.upstream_first_byte.add(seconds(*timing.upstream_first_byte));
  if (timing.first_token) latency.first_token.add(seconds(*timing.first_token));

  for (const auto* coding : {&record.request.coding, &record.response.coding}) {
    if (coding->decoded) ++figures_.bodies_decoded;
    if (!coding->fault.empty()) ++figures_.coding_faults[coding->fault];
  }
  for (const auto& [rule, count] : record.redactions) {
    figures_.redactions[known(figures_.redactions, limits_.rules, rule)] += count;
  }
  for (const std::string* why : {&record.request.body_withheld, &record.response.body_withheld}) {
    if (!why->empty() && *why != body_off) ++figures_.bodies_withheld;
  }

  ++figures_.outcomes[outcome_name(record.outcome)];
  if (record.error) ++figures_.errors[error_code_name(record.error->code)];
}

CallFigures RunningStatistics::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

namespace {

class StatisticsSink final : public Sink {
 public:
  explicit StatisticsSink(std::shared_ptr<RunningStatistics> statistics) : statistics_(std::move(statistics)) {}
  Result<void> write(const std::vector<CallRecord>& batch) override {
    for (const auto& record : batch) statistics_->add(record);
    return {};
  }

 private:
  std::shared_ptr<RunningStatistics> statistics_;
};

}  // namespace

std::unique_ptr<Sink> make_statistics_sink(std::shared_ptr<RunningStatistics> statistics) {
  return std::make_unique<StatisticsSink>(std::move(statistics));
}

}  // namespace borehole::calls
