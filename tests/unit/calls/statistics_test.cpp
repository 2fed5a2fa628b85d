#include "calls/statistics.h"

#include <string>

#include "catch.h"

using namespace borehole;
using namespace borehole::calls;

namespace {

CallRecord call(const std::string& operation, const std::string& model, std::optional<int> status = 200) {
  CallRecord out;
  out.aws.operation = operation;
  out.aws.model_id = model;
  out.response.status = status;
  out.timing_ms.total = 1500;
  return out;
}

std::uint64_t sum(const CallFigures& figures) {
  std::uint64_t all = 0;
  for (const auto& [labels, count] : figures.calls) all += count;
  return all;
}

}  // namespace

TEST_CASE("compressed bodies are counted, and what is wrong with them") {
  RunningStatistics statistics;
  CallRecord record;
  record.request.coding = {"gzip", true, 10, "", ""};
  record.response.coding = {"br", false, {}, "corrupt", "why"};
  statistics.add(record);
  record.response.coding = {"br", true, 10, "trailing", "why"};
  statistics.add(record);
  const CallFigures figures = statistics.figures();
  CHECK(figures.bodies_decoded == 3);
  CHECK(figures.coding_faults == std::map<std::string, std::uint64_t>{{"corrupt", 1}, {"trailing", 1}});
}

TEST_CASE("calls are counted by operation, model and status") {
  RunningStatistics statistics;
  statistics.add(call("Converse", "a"));
  statistics.add(call("Converse", "a"));
  statistics.add(call("Converse", "a", 429));
  statistics.add(call("InvokeModel", "b"));
  statistics.add(call("", "", std::nullopt));
  const auto figures = statistics.figures();
  CHECK(figures.calls == std::map<CallLabels, std::uint64_t>{{{"Converse", "a", "200"}, 2},
                                                             {{"Converse", "a", "429"}, 1},
                                                             {{"InvokeModel", "b", "200"}, 1},
                                                             {{"none", "none", "none"}, 1}});
  CHECK(figures.folded == 0);
}

TEST_CASE("throttles are counted by model, also those inside a stream") {
  RunningStatistics statistics;
  statistics.add(call("Converse", "a", 429));
  auto other = call("Converse", "a", 429);
  other.response.error_type = "ModelNotReadyException";
  statistics.add(other);
  auto streamed = call("ConverseStream", "b");
  streamed.response.stream = CallRecord::Stream{.exception = "throttlingException"};
  statistics.add(streamed);
  statistics.add(call("Converse", "a"));
  CHECK(statistics.figures().throttles == std::map<std::string, std::uint64_t>{{"a", 1}, {"b", 1}});
}

TEST_CASE("tokens and costs are summed by model, latencies by operation") {
  RunningStatistics statistics;
  auto one = call("Converse", "a");
  one.usage.input_tokens = 3;
  one.usage.output_tokens = 4;
  one.usage.cache_read_tokens = 5;
  one.cost_usd = "0.25";
  one.timing_ms.upstream_first_byte = 20;
  statistics.add(one);
  one.usage.cache_write_tokens = 6;
  one.cost_usd = "0.5";
  statistics.add(one);
  auto aborted = call("Converse", "a");
  aborted.outcome = Outcome::client_aborted;
  aborted.error = Error{ErrorCode::client_aborted, Fault::client, ""};
  statistics.add(aborted);
  const auto figures = statistics.figures();
  const auto& tokens = figures.tokens.at("a");
  CHECK(tokens.input == 6);
  CHECK(tokens.output == 8);
  CHECK(tokens.cache_read == 10);
  CHECK(tokens.cache_write == 6);
  CHECK(figures.cost_usd.at("a") == 0.75);
  const auto& latency = figures.latency.at("Converse");
  CHECK(latency.total.at_most(Histogram::bounds.size()) == 2);  // the aborted one's says nothing
  CHECK(latency.total.sum() == 3.0);
  CHECK(latency.upstream_first_byte.at_most(2) == 2);
  CHECK(latency.upstream_first_byte.at_most(1) == 0);
  CHECK(latency.first_token.at_most(Histogram::bounds.size()) == 0);
  CHECK(figures.outcomes == std::map<std::string_view, std::uint64_t>{{"complete", 2}, {"client_aborted", 1}});
  CHECK(figures.errors == std::map<std::string_view, std::uint64_t>{{"client_aborted", 1}});
}

TEST_CASE("a value on a bucket's end is in it") {
  Histogram histogram;
  histogram.add(0.005);
  histogram.add(0.0050001);
  histogram.add(10'000);
  CHECK(histogram.at_most(0) == 1);
  CHECK(histogram.at_most(1) == 2);
  CHECK(histogram.at_most(Histogram::bounds.size() - 1) == 2);
  CHECK(histogram.at_most(Histogram::bounds.size()) == 3);
}

TEST_CASE("names without end become other, and no call is lost by it") {
  RunningStatistics statistics({.operations = 3, .models = 10, .label_sets = 50});
  const int many = 5000;
  for (int i = 0; i < many; ++i) {
    const std::string n = std::to_string(i);
    statistics.add(call("Op" + std::to_string(i % 7), "model-" + n, 200 + i % 300));
  }
  const auto figures = statistics.figures();
  CHECK(sum(figures) == many);
  CHECK(figures.tokens.size() == 11);
  CHECK(figures.latency.size() == 4);
  CHECK(figures.calls.size() <= 50 + 10);
  CHECK(figures.folded > 4000);
  CHECK(figures.tokens.contains("model-0"));
  CHECK(figures.calls.contains(CallLabels{"other", "other", "2xx"}));
}

TEST_CASE("names that no label can hold become other") {
  RunningStatistics statistics;
  statistics.add(call("Converse", "\xff"));
  statistics.add(call("Converse", std::string(257, 'x')));
  statistics.add(call("Converse", std::string(256, 'x')));
  const auto figures = statistics.figures();
  CHECK(figures.calls.at(CallLabels{"Converse", "other", "200"}) == 2);
  CHECK(figures.calls.contains(CallLabels{"Converse", std::string(256, 'x'), "200"}));
}

TEST_CASE("the sink counts every record of a batch and never fails") {
  const auto statistics = std::make_shared<RunningStatistics>();
  const auto sink = make_statistics_sink(statistics);
  CHECK(sink->write({call("Converse", "a"), call("Converse", "b")}));
  CHECK(sink->tend(WallTime{}));
  CHECK(sum(statistics->figures()) == 2);
}
