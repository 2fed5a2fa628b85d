#include "web/calls_api.h"

#include <fstream>
#include <string>
#include <vector>

#include "../store/scratch.h"
#include "catch.h"
#include "store/call_store.h"

using namespace borehole;
using namespace borehole::web;

namespace {

const WallTime now{std::chrono::seconds(1'767'323'045)};

CallsQuery query(const Parameters& parameters) {
  auto read = read_calls_query(parameters, now);
  REQUIRE(read);
  return *std::move(read);
}

std::string refusal(const Parameters& parameters) {
  const auto read = read_calls_query(parameters, now);
  REQUIRE_FALSE(read);
  return read.error().detail;
}

TimePoint soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(20); }

std::string id(int number) {
  std::string digits = std::to_string(number);
  return "01ARZ3NDEKTSV4RRFFQ69" + std::string(5 - digits.size(), '0') + digits;
}

// The ids in an answer, in their order, and its `next`.
struct Page {
  std::vector<std::string> ids;
  std::string next;
};

Page page(const std::string& store, Parameters parameters) {
  const Response response = list_calls(store, query(parameters), soon());
  CHECK(response.status == 200);
  CHECK(response.type == "application/json");
  Page out;
  const std::string key = "\"id\":\"";
  for (auto at = response.body.find(key); at != std::string::npos; at = response.body.find(key, at + 1))
    out.ids.push_back(response.body.substr(at + key.size(), 26));
  const auto next = response.body.rfind("],\"next\":") + 9;
  out.next = response.body.substr(next, response.body.size() - next - 2);
  return out;
}

struct Store {
  explicit Store(int calls) {
    auto opened = store::CallStoreWriter::open(path);
    REQUIRE(opened);
    writer = *std::move(opened);
    std::vector<calls::CallRecord> batch;
    for (int i = 0; i < calls; ++i) batch.push_back(store::record(id(i), i));
    REQUIRE(writer->write(batch));
  }
  store::Scratch scratch;
  std::string path = scratch.path("calls.db");
  std::unique_ptr<store::CallStoreWriter> writer;
};

}  // namespace

TEST_CASE("parameters become a filter") {
  CHECK(query({}).filter.limit == 50);
  CHECK_FALSE(query({}).full);
  const auto all = query({{"model", "haiku"},
                          {"operation", "Converse"},
                          {"status", "4xx"},
                          {"outcome", "refused"},
                          {"access_key", "AKIA"},
                          {"text", "a b"},
                          {"limit", "7"},
                          {"before", id(1)},
                          {"full", "1"},
                          {"since", "2026-01-02"},
                          {"until", "1h"},
                          {"way_in", "gateway"},
                          {"region", "us-east-1"},
                          {"host", "bedrock"}});
  CHECK(all.filter.model == "haiku");
  CHECK(all.filter.operation == "Converse");
  REQUIRE(all.filter.status);
  CHECK(all.filter.status->first == 400);
  CHECK(all.filter.status->last == 499);
  CHECK(all.filter.outcome == "refused");
  CHECK(all.filter.access_key == "AKIA");
  CHECK(all.filter.text == "a b");
  CHECK(all.filter.limit == 7);
  CHECK(all.filter.before == id(1));
  CHECK(all.full);
  CHECK(all.filter.until == now - std::chrono::hours(1));
  CHECK(all.filter.way_in == "gateway");
  CHECK(query({{"status", "error"}}).filter.errors);
  CHECK_FALSE(query({{"full", "0"}}).full);
}

TEST_CASE("what is no parameter or no value of one is refused with what would be") {
  CHECK(
      refusal({{"modle", "x"}}) ==
      "There is no parameter modle, did you mean model?; there are model, operation, status, outcome, way_in, region, "
      "host, sdk, session, access_key, text, since, until, limit, before, full.");
  CHECK(refusal({{"frobnicate", ""}}).starts_with("There is no parameter frobnicate; there are model, "));
  for (const std::string limit : {"0", "1001", "-1", "x", "", "5x", "99999999999999999999"}) {
    CHECK(refusal({{"limit", limit}}) == "limit=" + limit + " is not understood; limit wants a number from 1 to 1000.");
  }
  CHECK(refusal({{"status", "999999"}}).find("a status such as 429") != std::string::npos);
  CHECK(refusal({{"outcome", "done"}}) ==
        "outcome=done is not understood; outcome wants complete, client_aborted, upstream_failed or refused.");
  CHECK(refusal({{"since", "yesterday"}}).find("how long ago: 90s, 15m, 2h, 7d") != std::string::npos);
  CHECK(refusal({{"before", "../x"}}).find("the `next` of an earlier answer") != std::string::npos);
  CHECK(refusal({{"full", "yes"}}) == "full=yes is not understood; full wants 1 for whole records, or 0.");
  CHECK(refusal({{"model", ""}}).find("a part of a model's id") != std::string::npos);
  CHECK(refusal({{"full", "1"}, {"limit", "201"}}) ==
        "With full=1 limit goes up to 200; ask for the rest with before.");
}

TEST_CASE("pages follow each other without a gap, whatever comes meanwhile") {
  Store store(25);
  std::vector<std::string> seen;
  Parameters parameters{{"limit", "10"}};
  for (int round = 0; round < 3; ++round) {
    const Page some = page(store.path, parameters);
    seen.insert(seen.end(), some.ids.begin(), some.ids.end());
    CHECK(some.ids.size() == (round < 2 ? 10 : 5));
    CHECK(some.next == (round < 2 ? "\"" + some.ids.back() + "\"" : "null"));
    REQUIRE(store.writer->write({store::record(id(1000 + round), 1000 + round)}));
    parameters = {{"limit", "10"}, {"before", some.ids.back()}};
  }
  REQUIRE(seen.size() == 25);
  for (int i = 0; i < 25; ++i) CHECK(seen[static_cast<std::size_t>(i)] == id(24 - i));
  CHECK(page(store.path, {{"limit", "28"}}).next == "null");  // just all
}

TEST_CASE("calls of one moment are paged by the order of writing") {
  Store store(0);
  REQUIRE(store.writer->write({store::record(id(3)), store::record(id(1)), store::record(id(2))}));
  const Page first = page(store.path, {{"limit", "1"}});
  CHECK(first.ids == std::vector{id(2)});
  CHECK(page(store.path, {{"limit", "2"}, {"before", first.ids.back()}}).ids == std::vector{id(1), id(3)});
}

TEST_CASE("a summary holds what is known, null for what is not") {
  Store store(0);
  auto call = store::record(id(1));
  call.response.status = 429;
  call.usage.input_tokens = 12;
  call.request.target = "/model/\"quoted\"\n/converse";
  call.timing_ms.total = 12.5;
  call.aws.region = "us-east-1";
  call.aws.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  call.cost_usd = "0.00012";
  REQUIRE(store.writer->write({call}));
  const std::string known =
      "{\"calls\":[{\"id\":\"" + id(1) +
      "\",\"started_at\":\"2026-01-02T03:04:05.000000Z\",\"way_in\":\"connect\",\"outcome\":\"complete\","
      "\"error_code\":null,\"error_type\":null,\"upstream_host\":\"bedrock-runtime.us-east-1.amazonaws.com\","
      "\"region\":\"us-east-1\",\"method\":\"POST\",\"target\":\"/model/\\\"quoted\\\"\\n/converse\",\"status\":429,"
      "\"operation\":\"Converse\",\"model_id\":\"us.anthropic.claude-3-haiku-20240307-v1:0\","
      "\"access_key_id\":\"AKIAIOSFODNN7EXAMPLE\",\"sdk\":null,\"session_id\":null,\"input_tokens\":12,"
      "\"output_tokens\":null,\"cache_read_tokens\":null,\"cache_write_tokens\":null,\"cost_usd\":\"0.00012\","
      "\"total_ms\":12.5,\"request_bytes\":0,\"response_bytes\":0,\"first_token_ms\":null,\"invocation_id\":null,"
      "\"attempt\":null,\"session_name\":null,\"process_pid\":null,\"process_name\":null,\"app_id\":null,"
      "\"framework\":null}],\"next\":null}\n";
  CHECK(list_calls(store.path, query({}), soon()).body == known);
}

TEST_CASE("whole records are those of the store, and a page of them stays small") {
  Store store(2);
  auto reader = store::CallStoreReader::open(store.path);
  REQUIRE(reader);
  const auto records = (*reader)->list_json({});
  REQUIRE(records);
  CHECK(list_calls(store.path, query({{"full", "1"}}), soon()).body ==
        "{\"calls\":[" + records->at(0) + "," + records->at(1) + "],\"next\":null}\n");
  CHECK(show_call(store.path, id(1), exporting::Format::jsonl, "1.0", soon()).body == records->at(0) + "\n");

  for (int i = 10; i < 16; ++i) {
    auto large = store::record(id(i), i);
    large.request.body = std::string(std::size_t{2} * 1024 * 1024, 'x');
    REQUIRE(store.writer->write({large}));
  }
  const Page some = page(store.path, {{"full", "1"}});
  CHECK(some.ids.size() == 4);  // 8 MiB are full
  const Page rest = page(store.path, {{"full", "1"}, {"before", some.ids.back()}});
  CHECK(rest.ids == std::vector{id(11), id(10), id(1), id(0)});
  CHECK(rest.next == "null");
}

TEST_CASE("filters choose") {
  Store store(0);
  auto refused = store::record(id(1));
  refused.outcome = calls::Outcome::refused;
  refused.response.status = 403;
  refused.way_in = calls::WayIn::gateway;
  auto busy = store::record(id(2), 1);
  busy.response.status = 503;
  busy.aws.region = "eu-west-1";
  auto fine = store::record(id(3), 2);
  REQUIRE(store.writer->write({refused, busy, fine}));
  const auto ids = [&](const Parameters& parameters) { return page(store.path, parameters).ids; };
  CHECK(ids({{"status", "403"}}) == std::vector{id(1)});
  CHECK(ids({{"status", "5XX"}}) == std::vector{id(2)});
  CHECK(ids({{"status", "error"}}) == std::vector{id(2), id(1)});
  CHECK(ids({{"way_in", "gateway"}}) == std::vector{id(1)});
  CHECK(ids({{"region", "EU-west-1"}}) == std::vector{id(2)});
  CHECK(ids({{"host", "us-east-1"}, {"outcome", "complete"}, {"before", id(3)}}) == std::vector{id(2)});
  CHECK(ids({{"text", "converse"}, {"limit", "1"}, {"before", id(2)}}) == std::vector{id(1)});
}

TEST_CASE("what cannot be answered says why") {
  Store store(1);
  const auto message = [](const Response& response) { return std::to_string(response.status) + " " + response.body; };
  CHECK(message(show_call(store.path, "01B", exporting::Format::jsonl, "1.0", soon()))
            .starts_with("404 {\"message\":\"no call's id begins with 01B"));
  CHECK(message(show_call(store.path, "", exporting::Format::jsonl, "1.0", soon()))
            .starts_with("400 {\"message\":\"An id has up to 26 letters"));
  CHECK(message(show_call(store.path, "%41", exporting::Format::jsonl, "1.0", soon())).starts_with("400 "));
  CHECK(message(list_calls(store.path, query({{"before", id(99)}}), soon()))
            .starts_with("404 {\"message\":\"the call 01ARZ"));
  CHECK(message(list_calls(store.scratch.path("none.db"), query({}), soon())).starts_with("404 {\"message\":"));
  std::ofstream(store.scratch.path("text.db")) << std::string(5000, 'x');
  CHECK(message(list_calls(store.scratch.path("text.db"), query({}), soon())).starts_with("503 {\"message\":"));
}

TEST_CASE("reading ends at its deadline, and says how to narrow it down") {
  Store store(3000);
  const auto passed = std::chrono::steady_clock::now();
  for (const Parameters& parameters :
       {Parameters{{"text", "nowhere"}}, Parameters{{"limit", "1000"}}, Parameters{{"full", "1"}}}) {
    const Response response = list_calls(store.path, query(parameters), passed);
    CHECK(response.status == 503);
    CHECK(response.body.find("narrow them down with since") != std::string::npos);
  }
}
