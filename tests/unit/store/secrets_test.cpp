#include "calls/call_tap.h"
#include "catch.h"
#include "store/call_store.h"
#include "store/jsonl_sink.h"
#include "store/recorder.h"
#include "unit/calls/heads.h"
#include "unit/store/scratch.h"

namespace borehole::store {

TEST_CASE("no octet of a secret reaches a file, by whichever way it came", "[secrets]") {
  const std::vector<std::string> secrets{"5d672d79c15b13162d9279b0855cfba6",  // a signature
                                         "IQoJb3JpZ2luX2VjEAoaCXVzLWVhc3Q",   // a session token
                                         "Y2xpZW50OnBhc3N3b3Jk",              // a proxy's credentials
                                         "cookie-of-a-session",               // named in mask_headers
                                         "c2VjcmV0LWFwaS1rZXk"};              // an API key
  const std::string head =
      "POST /model/m/converse?X-Amz-Signature=" + secrets[0] + "&X-Amz-Security-Token=" + secrets[1] +
      " HTTP/1.1\r\nHost: bedrock-runtime.us-east-1.amazonaws.com\r\nX-Amz-Security-Token: " + secrets[1] +
      "\r\nProxy-Authorization: Basic " + secrets[2] + "\r\ncookie: a=" + secrets[3] + "\r\nX-Seen: AKIAVISIBLE\r\n";
  const std::string sigv4 =
      "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, "
      "SignedHeaders=host;x-amz-security-token, Signature=" +
      secrets[0] + "\r\n\r\n";
  const std::string bearer = "Authorization: Bearer " + secrets[4] + "\r\n\r\n";

  Scratch scratch;
  const std::string database = scratch.path("calls.db");
  const std::string lines = scratch.path("calls.jsonl");
  std::vector<std::unique_ptr<calls::Sink>> sinks;
  auto writer = CallStoreWriter::open(database);
  REQUIRE(writer.has_value());
  sinks.push_back(std::move(*writer));
  auto jsonl = open_jsonl_sink({lines});
  REQUIRE(jsonl.has_value());
  sinks.push_back(std::move(*jsonl));
  Recorder recorder(std::move(sinks), {});
  const SystemClock clock;
  auto options = std::make_shared<calls::CaptureOptions>();
  options->mask_headers = {"Cookie"};
  calls::CallTapSource source(recorder, options, clock);

  for (const std::string& received : {head + sigv4, head + bearer}) {
    auto tap = source.begin({}, clock.now());
    tap->on_request_head(calls::request_head(received), clock.now());
    tap->on_sent_head(received, clock.now());
    std::vector<std::string> quoted;
    for (const std::string& secret : secrets) {
      if (received.find(secret) != std::string::npos) quoted.push_back(secret);
    }
    for (const std::string& secret : quoted) tap->on_note("saw " + secret);
    tap->on_response_head(calls::response_head("HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\n"), clock.now());
    for (const std::string& secret : quoted) tap->on_response_body("'" + secret + "'", clock.now());
    const Error error{ErrorCode::upstream_broke, Fault::upstream, "at " + secrets[0] + secrets[1]};
    tap->on_finished(calls::Outcome::upstream_failed, &error, 0, clock.now());
  }
  recorder.flush();
  REQUIRE(recorder.counters().written == 2);

  auto reader = CallStoreReader::open(database);
  REQUIRE(reader.has_value());
  const auto records = (*reader)->list_json({});
  REQUIRE(records.has_value());
  REQUIRE(records->size() == 2);
  const std::string files =
      contents(database) + contents(database + "-wal") + contents(lines) + records->at(0) + records->at(1);
  CHECK(files.find("AKIAVISIBLE") != std::string::npos);  // the search can find something
  for (const std::string& secret : secrets) {
    CAPTURE(secret);
    CHECK(files.find(secret) == std::string::npos);
  }
}

}  // namespace borehole::store
