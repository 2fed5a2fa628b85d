// Exchanges of tests/data/answers, whose answers are not streamed, against the records beside them.
#include <filesystem>
#include <string>
#include <vector>

#include "calls/captured_call.h"
#include "catch.h"
#include "unit/calls/exchange_files.h"

namespace borehole::calls {

namespace {

namespace fs = std::filesystem;

void add_field(Headers& headers, const std::string& line) {
  const std::size_t colon = line.find(": ");
  REQUIRE(colon != std::string::npos);
  headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
}

// README.md beside the exchanges says what their lines are.
CapturedCall call_of(const fs::path& exchange) {
  std::string text = read_whole(exchange);
  CapturedCall call;
  CallRecord& record = call.record;
  const std::string request_line = take_line(text);
  const std::size_t blank = request_line.find(' ');
  record.request.method = request_line.substr(0, blank);
  record.request.target = call.target = request_line.substr(blank + 1);
  record.upstream.host = take_line(text);
  for (std::string line = take_line(text); !line.empty(); line = take_line(text)) {
    add_field(record.request.headers, line);
    if (line.rfind("X-Amz-Target: ", 0) == 0) call.amz_target = line.substr(14);
  }
  record.request.body = take_line(text);
  record.request.body_bytes = record.request.body.size();
  take_line(text);
  record.response.status = std::stoi(take_line(text));
  for (std::string line = take_line(text); !line.empty(); line = take_line(text)) {
    add_field(record.response.headers, line);
  }
  record.response.body = take_line(text);
  record.response.body_bytes = record.response.body.size();
  return call;
}

const std::vector<std::string> parts{"aws",
                                     "response/stop_reason",
                                     "response/guardrail_action",
                                     "response/error_type",
                                     "response/error_message",
                                     "usage",
                                     "timing_ms",
                                     "notes"};

}  // namespace

TEST_CASE("answers of every operation and family give the records that stand beside them", "[answered_call]") {
  const std::vector<fs::path> exchanges = exchange_files("/answers", ".call");
  REQUIRE(exchanges.size() >= 60);
  for (const fs::path& exchange : exchanges) {
    CAPTURE(exchange);
    CapturedCall call = call_of(exchange);
    decode(call);
    check_record(call.record, exchange, parts);
  }
}

TEST_CASE("an answer that is cut anywhere tells nothing that it does not say", "[answered_call]") {
  for (const fs::path& exchange : exchange_files("/answers", ".call")) {
    CAPTURE(exchange);
    CapturedCall whole = call_of(exchange);
    const std::string body = whole.record.response.body;
    decode(whole);
    for (std::size_t kept = 0; kept < body.size(); ++kept) {
      CapturedCall call = call_of(exchange);
      call.record.response.body.resize(kept);
      call.record.response.body_truncated = true;
      decode(call);
      const CallRecord& got = call.record;
      REQUIRE(got.aws.operation == whole.record.aws.operation);
      // Counts that header fields told stay; of the body there are none.
      if (got.usage.source != "headers") REQUIRE_FALSE(got.usage.output_tokens);
      REQUIRE(got.response.stop_reason.empty());
    }
  }
}

}  // namespace borehole::calls
