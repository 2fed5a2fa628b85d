#include "app/call_page.h"

#include <algorithm>

#include "app/call_bodies.h"
#include "calls/record_json.h"
#include "catch.h"

using namespace borehole;
using namespace borehole::app;

namespace {

calls::CallRecord record() {
  calls::CallRecord out;
  out.id = "01KAAAAAAAAAAAAAAAAAAAAAAA";
  out.started_at = WallTime(std::chrono::seconds(1'767'323'045));
  out.router = "/";
  out.session_id = "build-7";
  out.client.address = "127.0.0.1:51234";
  out.client.sdk = "boto3";
  out.client.sdk_version = "1.34";
  out.client.process_pid = 77;
  out.client.process_name = "python3";
  out.upstream.host = "bedrock-runtime.us-east-1.amazonaws.com";
  out.upstream.port = 443;
  out.upstream.reused = true;
  out.upstream.tls_version = "TLSv1.3";
  out.aws.operation = "Converse";
  out.aws.model_id = "amazon.nova-lite-v1:0";
  out.aws.region = "us-east-1";
  out.aws.access_key_id = "AKIAONE";
  out.aws.attempt = 2;
  out.aws.max_attempts = 3;
  out.request.method = "POST";
  out.request.target = "/model/amazon.nova-lite-v1%3A0/converse";
  out.request.headers = {{"Host", "h"}, {"X-Odd", "a\x1b[2Jb"}};
  out.request.body =
      R"({"system":[{"text":"be brief"}],"messages":[{"role":"user","content":[{"text":"hi\nthere\u001b[31m"}]}],)"
      R"("toolConfig":{"tools":[{"toolSpec":{"name":"weather"}}]}})";
  out.request.body_bytes = out.request.body.size();
  out.response.status = 200;
  out.response.headers = {{"Content-Type", "application/json"}};
  out.response.body =
      R"({"output":{"message":{"role":"assistant","content":[{"text":"Hello"},)"
      R"({"toolUse":{"toolUseId":"t1","name":"weather","input":{"city":"Graz"}}}]}},"stopReason":"tool_use"})";
  out.response.body_bytes = out.response.body.size();
  out.response.stop_reason = "tool_use";
  out.usage.input_tokens = 11;
  out.usage.output_tokens = 23;
  out.usage.source = "converse";
  out.timing_ms.total = 123.4;
  out.timing_ms.connect = 1.5;
  out.timing_ms.reported_by_aws = 99;
  return out;
}

bedrock::JsonValue json_of(const calls::CallRecord& from) {
  auto parsed = bedrock::JsonValue::parse(calls::to_json(from));
  REQUIRE(parsed);
  return *std::move(parsed);
}

std::string page(const calls::CallRecord& from) { return call_page(json_of(from), false); }

bool has(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) WARN("not there: " << part << "\nin: " << text);
  return found;
}

}  // namespace

TEST_CASE("a page tells what, who, where, the conversation, and what it took", "[call_page]") {
  const std::string text = page(record());
  CHECK(text.rfind("Converse  amazon.nova-lite-v1:0\n200  complete  2026-01-0", 0) == 0);
  CHECK(has(text, "  123.4 ms\n"));
  CHECK(has(text, "\nid        01KAAAAAAAAAAAAAAAAAAAAAAA\n"));
  CHECK(has(text, "\nclient    boto3 1.34, 127.0.0.1:51234, python3 (process 77)\n"));
  CHECK(has(text, "access key AKIAONE, session build-7, attempt 2 of 3\n"));
  CHECK(has(text,
            "\nupstream  bedrock-runtime.us-east-1.amazonaws.com:443, region us-east-1, connection reused, TLSv1.3\n"));
  CHECK(has(text, "\nway in    connect, router /\n"));
  CHECK(has(text, "  system\n    be brief\n  user\n    hi\n    there\\x1b[31m\n  tools weather\n"));
  CHECK(has(text, "  assistant\n    Hello\n    calls weather (t1)\n      {\"city\":\"Graz\"}\n"));
  CHECK(has(text, "\ntokens    in 11, out 23, told by converse\n"));
  CHECK(has(text, "\nstopped   tool_use\n"));
  CHECK(has(text, "\ncost      unknown\n"));
  CHECK(has(text, "\ntime      total 123.4 ms, connect 1.5 ms\n"));
  CHECK(has(text, "Amazon tells 99.0 ms\n"));
  CHECK(has(text, "\nrequest headers\n  Host: h\n  X-Odd: a\\x1b[2Jb\n"));
  CHECK(has(text, "\nresponse headers\n  Content-Type: application/json\n"));
  CHECK(
      std::none_of(text.begin(), text.end(), [](char c) { return c != '\n' && static_cast<unsigned char>(c) < 0x20; }));
}

TEST_CASE("colours are the page's own, never the wire's", "[call_page]") {
  const std::string text = call_page(json_of(record()), true);
  CHECK(has(text, "\x1b[1mConverse"));
  CHECK(has(text, "there\\x1b[31m"));
}

TEST_CASE("errors are told with whose fault they are and what helps", "[call_page]") {
  auto from = record();
  from.response.status = 429;
  from.response.error_type = "ThrottlingException";
  from.response.error_message = "Too many requests";
  from.notes = {"Host replaced"};
  std::string text = page(from);
  CHECK(has(text, "\nerror     ThrottlingException: Too many requests\n"));
  CHECK(has(text, explained("ThrottlingException")));
  CHECK(has(text, "\nnote      Host replaced\n"));
  CHECK_FALSE(explained("throttlingException").empty());
  CHECK(explained("SomethingNew").empty());

  from = record();
  from.response = {};
  from.outcome = calls::Outcome::upstream_failed;
  from.error = Error{ErrorCode::connect_failed, Fault::upstream, "nobody listens there"};
  text = page(from);
  CHECK(has(text, "no answer  upstream_failed"));
  CHECK(has(text, "\nerror     connect_failed: nobody listens there\n"));
  CHECK(has(text, "the fault is the upstream's"));
  CHECK_FALSE(text.find("\nanswer") != std::string::npos);
}

TEST_CASE("a cost that is known is told as it is", "[call_page]") {
  auto from = record();
  from.cost_usd = "0.00012";
  CHECK(has(page(from), "\ncost      $0.00012\n"));
}

TEST_CASE("bodies that are no conversation are shown as what they are", "[call_page]") {
  auto from = record();
  const auto answer = [&](std::string body, calls::Headers headers = {}) {
    from.response.body_bytes = body.size();
    from.response.body = std::move(body);
    from.response.headers = std::move(headers);
    return page(from);
  };
  CHECK(has(answer(R"({"odd":{"shape":1}})"), "  {\n    \"odd\": {\n      \"shape\": 1\n    }\n  }\n"));
  CHECK(has(answer("just words\x07"), "  just words\\x07\n"));
  CHECK(has(answer(std::string("\x00\x01\xff", 3)), "  binary, 3 octets; `--raw-body response` writes what is kept\n"));
  CHECK(has(answer("\x01", {{"content-type", "application/vnd.amazon.eventstream"}}), "  event stream, 1 octet\n"));
  CHECK(has(answer("data: x\n\n", {{"Content-Type", "text/event-stream; charset=utf-8"}}),
            "  text event stream, 9 octets\n"));
  CHECK(has(answer("\x1f\x8b", {{"Content-Encoding", "gzip"}}), "  compressed (gzip), 2 octets\n"));
  from.response.headers = {};
  from.response.body.clear();
  from.response.body_bytes = 500;
  CHECK(has(page(from), "  500 octets, not kept (record.bodies.max_bytes)\n"));
  from.response.body = R"({"output":{"mess)";
  from.response.body_truncated = true;
  CHECK(has(page(from), "500 octets, cut off in the record\n"));
  CHECK(has(page(from), "… the rest was not kept (record.bodies.max_bytes)\n"));
}

TEST_CASE("members that the page does not know are shown all the same", "[call_page]") {
  const auto value = bedrock::JsonValue::parse(
      R"({"id":"A","outcome":"complete","diagnosis":{"why":"be\u001bcause","list":[1,true,null]},"zone":"x"})");
  REQUIRE(value);
  const std::string text = call_page(*value, false);
  CHECK(has(text,
            "\nmore\n  diagnosis.why: be\\x1bcause\n  diagnosis.list.0: 1\n  diagnosis.list.1: true\n"
            "  diagnosis.list.2: null\n  zone: x\n"));
}

TEST_CASE("kept bodies come back octet for octet", "[call_page]") {
  auto from = record();
  from.response.body = std::string("\x00\xff\x1f\x8b", 4);
  from.response.body_bytes = 4;
  const auto value = json_of(from);
  CHECK(kept_body(value, BodySide::request) == from.request.body);
  CHECK(kept_body(value, BodySide::response) == from.response.body);
  from.response.body.clear();
  CHECK_FALSE(kept_body(json_of(from), BodySide::response).has_value());
  from.response.body_bytes = 0;
  CHECK(kept_body(json_of(from), BodySide::response) == "");
}
