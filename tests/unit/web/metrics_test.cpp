#include "web/metrics.h"

#include <set>
#include <sstream>
#include <string>

#include "catch.h"
#include "web/exposition.h"
#include "web/status.h"

using namespace borehole;
using namespace borehole::web;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

MetricsFigures figures() {
  MetricsFigures out;
  out.version = "1.2.3";
  out.workers.resize(2);
  return out;
}

}  // namespace

TEST_CASE("help and labels are escaped as the format wants") {
  Exposition out;
  out.family("a_total", Exposition::Type::counter, "a \\ and\na \"line\"");
  out.sample({{"x", "q\"b\\n\n"}, {"y", ""}}, std::uint64_t{3});
  out.single("b", Exposition::Type::gauge, "b", 0.25);
  out.sample({}, 1e300);
  CHECK(out.take() ==
        "# HELP a_total a \\\\ and\\na \"line\"\n# TYPE a_total counter\na_total{x=\"q\\\"b\\\\n\\n\",y=\"\"} 3\n"
        "# HELP b b\n# TYPE b gauge\nb 0.25\nb 1e+300\n");
}

TEST_CASE("a histogram is cumulative, ends in +Inf and agrees with its count") {
  calls::Histogram histogram;
  for (const double seconds : {0.00390625, 0.005, 0.0078125, 899.0, 901.0 - 0.005}) histogram.add(seconds);
  Exposition out;
  out.family("h_seconds", Exposition::Type::histogram, "h");
  out.histogram({"operation", "Converse"}, histogram);
  const std::string text = out.take();
  CHECK(has_line(text, "h_seconds_bucket{operation=\"Converse\",le=\"0.005\"} 2"));
  CHECK(has_line(text, "h_seconds_bucket{operation=\"Converse\",le=\"0.01\"} 3"));
  CHECK(has_line(text, "h_seconds_bucket{operation=\"Converse\",le=\"600\"} 3"));
  CHECK(has_line(text, "h_seconds_bucket{operation=\"Converse\",le=\"900\"} 4"));
  CHECK(has_line(text, "h_seconds_bucket{operation=\"Converse\",le=\"+Inf\"} 5"));
  CHECK(has_line(text, "h_seconds_count{operation=\"Converse\"} 5"));
  CHECK(has_line(text, "h_seconds_sum{operation=\"Converse\"} 1800.01171875"));
}

TEST_CASE("streams that were not taken are counted by why, over all workers") {
  auto input = figures();
  input.workers[0].h2_behind_goaway = 1;
  input.workers[1].h2_behind_goaway = 2;
  input.workers[1].h2_over_limit = 4;
  const std::string text = metrics_text(input);
  CHECK(has_line(text, "borehole_h2_streams_refused_total{reason=\"goaway\"} 3"));
  CHECK(has_line(text, "borehole_h2_streams_refused_total{reason=\"limit\"} 4"));
}

TEST_CASE("every family has help and a type, once, before its samples, and a name as the rules want it") {
  auto input = figures();
  calls::RunningStatistics statistics;
  calls::CallRecord record;
  record.aws.operation = "Converse";
  record.aws.model_id = "m";
  record.response.status = 200;
  record.timing_ms.total = 5;
  record.error = Error{ErrorCode::dns_failed, Fault::upstream, ""};
  record.cost_usd = "0.5";
  statistics.add(record);
  input.calls = statistics.figures();
  input.process.cpu_seconds = 1.5;
  std::istringstream lines(metrics_text(input));
  std::set<std::string> families;
  std::string family;
  std::string type;
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      CHECK(families.insert(family).second);
      CHECK((family.starts_with("borehole_") || family.starts_with("process_")));
      type.clear();
    } else if (line.starts_with("# TYPE ")) {
      CHECK(line.substr(7, family.size() + 1) == family + " ");
      type = line.substr(8 + family.size());
      CHECK((type == "counter") == family.ends_with("_total"));
    } else {
      REQUIRE_FALSE(type.empty());
      const std::string name = line.substr(0, line.find_first_of("{ "));
      if (type == "histogram") {
        CHECK((name == family + "_bucket" || name == family + "_sum" || name == family + "_count"));
      } else {
        CHECK(name == family);
      }
    }
  }
  CHECK(families.contains("borehole_build_info"));
  CHECK(families.contains("process_cpu_seconds_total"));
  CHECK_FALSE(families.contains("process_open_fds"));  // not known is left out, not 0
}

TEST_CASE("workers are summed, and shown one by one where that tells something") {
  auto input = figures();
  input.workers[0].accepted = 2;
  input.workers[1].accepted = 3;
  input.workers[1].open = 1;
  input.workers[0].client_received = 10;
  input.workers[1].client_received = 5;
  input.workers[0].out_of_descriptors = 4;
  input.workers[0].out_of_memory = 1;
  input.workers[1].out_of_memory = 5;
  input.workers[0].handshakes = 7;
  input.workers[0].resumptions = 5;
  input.workers[1].cpu_seconds = 2.5;
  input.records.dropped = 9;
  input.records.mailbox_bytes = 77;
  input.jsonl_torn = 2;
  input.jsonl_rotations = 3;
  input.ready = true;
  const auto text = metrics_text(input);
  for (const std::string line :
       {"borehole_connections_accepted_total 5", "borehole_connections_open 1",
        "borehole_received_bytes_total{from=\"client\"} 15",
        "borehole_connections_refused_total{reason=\"descriptors\"} 4", "borehole_connections_out_of_memory_total 6",
        "borehole_upstream_tls_handshakes_total{resumed=\"true\"} 5",
        "borehole_upstream_tls_handshakes_total{resumed=\"false\"} 2",
        "borehole_worker_cpu_seconds_total{worker=\"1\"} 2.5", "borehole_worker_connections_open{worker=\"0\"} 0",
        "borehole_records_dropped_total 9", "borehole_mailbox_bytes 77", "borehole_jsonl_torn_lines_total 2",
        "borehole_jsonl_rotations_total 3", "borehole_ready 1", "borehole_build_info{version=\"1.2.3\"} 1",
        "borehole_call_outcomes_total{outcome=\"refused\"} 0"}) {
    CAPTURE(line);
    CHECK(has_line(text, line));
  }
}

TEST_CASE("the process is known to itself") {
  const auto now = process_figures();
  REQUIRE(now.resident_bytes);
  CHECK(*now.resident_bytes > 100'000);
  REQUIRE(now.open_descriptors);
  CHECK(*now.open_descriptors >= 3);
  REQUIRE(now.cpu_seconds);
  CHECK(*now.cpu_seconds > 0);
}

TEST_CASE("the status is JSON, null for what there is not") {
  Status status;
  status.version = "1.2.3";
  status.pid = 42;
  status.started_at = status.ca_not_after = WallTime(std::chrono::seconds(1'767'323'045));
  status.listen = {"127.0.0.1:5380", "[::1]:5380"};
  status.admin = "127.0.0.1:5381";
  status.workers = 2;
  status.store = "/a \"b\"/calls.db";
  status.ca_folder = "/certs";
  status.ca_sha256 = "ab";
  CHECK(status_json(status) ==
        "{\"name\":\"borehole\",\"version\":\"1.2.3\",\"pid\":42,\"started_at\":\"2026-01-02T03:04:05.000000Z\","
        "\"draining\":false,\"listen\":[\"127.0.0.1:5380\",\"[::1]:5380\"],\"admin\":\"127.0.0.1:5381\",\"workers\":2,"
        "\"config_file\":null,\"store\":\"/a \\\"b\\\"/calls.db\",\"jsonl\":null,"
        "\"ca\":{\"dir\":\"/certs\",\"sha256\":\"ab\",\"not_after\":\"2026-01-02T03:04:05.000000Z\"}}\n");
}
