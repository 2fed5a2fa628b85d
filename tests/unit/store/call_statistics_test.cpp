#include "store/call_statistics.h"

#include "catch.h"
#include "store/call_store.h"
#include "unit/store/scratch.h"
#include "unit/store/zone.h"

namespace borehole::store {

namespace {

std::string sum(const std::vector<std::string_view>& amounts) {
  DollarSum total;
  for (const auto amount : amounts) CHECK(total.add(amount));
  return total.text();
}

}  // namespace

TEST_CASE("dollars are added exactly", "[call_statistics]") {
  CHECK(sum({}) == "0");
  CHECK(sum({"0.1", "0.2"}) == "0.3");
  CHECK(sum({"0.000000000001", "0.999999999999"}) == "1");
  CHECK(sum({"12", "0.50", "3.25"}) == "15.75");
  CHECK(sum(std::vector<std::string_view>(1000, "0.00015")) == "0.15");
  CHECK(sum({"100"}) == "100");
  DollarSum total;
  for (const auto* wrong : {"", ".", ".5", "1.", "-1", "1e3", "1,5", "unknown", "1234567890123"}) {
    CAPTURE(wrong);
    CHECK_FALSE(total.add(wrong));
  }
  CHECK(total.text() == "0");
}

TEST_CASE("percentiles are values that occurred: the nearest rank", "[call_statistics]") {
  StatisticsCount count(GroupBy::model);
  for (int i = 100; i >= 1; --i) count.add({.key = "m", .outcome = "complete", .total_ms = i * 1.5});
  count.add({.key = "m", .outcome = "complete"});  // without a time
  count.add({.key = "one", .outcome = "complete", .total_ms = 7});
  count.add({.key = "none", .outcome = "complete"});
  const auto made = count.take();
  REQUIRE(made.groups.size() == 3);
  CHECK(made.groups[0].key == "m");
  CHECK(made.groups[0].calls == 101);
  CHECK(made.groups[0].total_ms.p50 == 75.0);
  CHECK(made.groups[0].total_ms.p95 == 142.5);
  CHECK(made.groups[0].total_ms.p99 == 148.5);
  for (const auto& group : made.groups) {
    if (group.key == "one") CHECK((group.total_ms.p50 == 7 && group.total_ms.p99 == 7));
    if (group.key == "none") CHECK_FALSE(group.total_ms.p50);
  }
  CHECK(made.total.calls == 103);
  CHECK(made.total.total_ms.p99 == 148.5);
}

TEST_CASE("errors, throttles, tokens and cost are summed; what no call tells stays unknown", "[call_statistics]") {
  const Scratch scratch;
  auto to = CallStoreWriter::open(scratch.path("calls.db"));
  REQUIRE(to.has_value());
  calls::CallRecord a = record("A", 1), b = record("B", 2), c = record("C", 3), d = record("D", 4), e = record("E", 5);
  a.usage.input_tokens = 10;
  a.usage.output_tokens = 0;
  a.usage.cache_read_tokens = 4;
  a.cost_usd = "0.10";
  a.client.sdk = "boto3";
  a.timing_ms.total = 20;
  b.usage.input_tokens = 5;
  b.cost_usd = "0.20";
  b.aws.access_key_id = "AKIAONE";
  c.response.status = 429;
  c.response.error_type = "ThrottlingException";
  d.response.status = 429;
  d.response.error_type = "ModelNotReadyException";
  e.outcome = calls::Outcome::client_aborted;
  e.response.stream = calls::CallRecord::Stream{.exception = "throttlingException"};
  e.aws.model_id = "amazon.nova-lite-v1:0";
  REQUIRE((*to)->write({a, b, c, d, e}).has_value());
  auto from = CallStoreReader::open(scratch.path("calls.db"));
  REQUIRE(from.has_value());

  const auto by_model = (*from)->statistics({}, GroupBy::model);
  REQUIRE(by_model.has_value());
  REQUIRE(by_model->groups.size() == 2);
  const CallGroup& haiku = by_model->groups[0];
  CHECK(haiku.key == a.aws.model_id);
  CHECK(haiku.calls == 4);
  CHECK(haiku.errors == 2);
  CHECK(haiku.throttles == 1);
  CHECK(haiku.input_tokens == 15U);
  CHECK(haiku.output_tokens == 0U);
  CHECK(haiku.cache_read_tokens == 4U);
  CHECK_FALSE(haiku.cache_write_tokens.has_value());
  CHECK(haiku.cost.text() == "0.3");
  CHECK(haiku.with_cost == 2);
  CHECK(haiku.total_ms.p50 == 20.0);
  CHECK(by_model->groups[1].errors == 1);
  CHECK(by_model->groups[1].throttles == 1);
  CHECK(by_model->groups[1].with_cost == 0);
  CHECK_FALSE(by_model->groups[1].input_tokens.has_value());
  CHECK(by_model->total.calls == 5);
  CHECK(by_model->total.errors == 3);

  const auto groups = [&](GroupBy by, const CallFilter& filter = {}) {
    std::map<std::string, std::uint64_t> out;
    const auto made = (*from)->statistics(filter, by);
    REQUIRE(made.has_value());
    for (const auto& group : made->groups) out[group.key] = group.calls;
    return out;
  };
  using Groups = std::map<std::string, std::uint64_t>;
  CHECK(groups(GroupBy::status) == Groups{{"200", 3}, {"429", 2}});
  CHECK(groups(GroupBy::operation) == Groups{{"Converse", 5}});
  CHECK(groups(GroupBy::outcome) == Groups{{"complete", 4}, {"client_aborted", 1}});
  CHECK(groups(GroupBy::sdk) == Groups{{"boto3", 1}, {"", 4}});
  CHECK(groups(GroupBy::key) == Groups{{"AKIAONE", 1}, {"", 4}});
  CHECK(groups(GroupBy::host) == Groups{{a.upstream.host, 5}});
  CHECK(groups(GroupBy::status, {.errors = true}) == Groups{{"200", 1}, {"429", 2}});
  CHECK(groups(GroupBy::status, {.text = "modelnotready"}) == Groups{{"429", 1}});
  CHECK(groups(GroupBy::model, {.model = "nobody"}).empty());
}

TEST_CASE("hours and days are those of the machine's zone, in order", "[call_statistics]") {
  const Zone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  const auto at = [](std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); };
  const auto keys = [&](GroupBy by, const std::vector<std::int64_t>& times) {
    StatisticsCount count(by);
    for (const auto time : times) count.add({.started_at = at(time), .outcome = "complete"});
    std::vector<std::string> out;
    for (const auto& group : count.take().groups) out.push_back(group.key);
    return out;
  };
  using Keys = std::vector<std::string>;
  // 2026-01-02T03:04:05Z, 23:30Z of the same day (already the next one here), and July.
  CHECK(keys(GroupBy::hour, {1'767'396'600, 1'767'323'045}) ==
        Keys{"2026-01-02T04:00:00+01:00", "2026-01-03T00:00:00+01:00"});
  CHECK(keys(GroupBy::day, {1'767'323'045, 1'767'396'600}) ==
        Keys{"2026-01-02T00:00:00+01:00", "2026-01-03T00:00:00+01:00"});
  CHECK(keys(GroupBy::day, {1'782'986'400}) == Keys{"2026-07-02T00:00:00+02:00"});
  // The day that summer time ends: one day, though its offset changes.
  CHECK(keys(GroupBy::day, {1'792'886'400, 1'792'929'600}) == Keys{"2026-10-25T00:00:00+02:00"});
}

TEST_CASE("groups are known by their names", "[call_statistics]") {
  for (const auto* name : {"model", "operation", "status", "key", "sdk", "hour", "day", "host", "outcome"}) {
    const auto by = parse_group_by(name);
    REQUIRE(by.has_value());
    CHECK(group_by_name(*by) == name);
  }
  CHECK_FALSE(parse_group_by("models").has_value());
}

}  // namespace borehole::store
