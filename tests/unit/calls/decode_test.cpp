#include "calls/captured_call.h"
#include "catch.h"

namespace borehole::calls {

namespace {

CapturedCall converse() {
  CapturedCall call;
  CallRecord& record = call.record;
  record.upstream.host = "bedrock-runtime.eu-central-1.amazonaws.com";
  record.request.method = "POST";
  record.request.target = call.target = "/model/eu.anthropic.claude-3-haiku-20240307-v1%3A0/converse";
  record.request.headers = {
      {"User-Agent", "Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux#6 lang/python#3.11.2 Botocore/1.40.0"},
      {"amz-sdk-invocation-id", "6f8a"},
      {"amz-sdk-request", "attempt=2; max=5"}};
  record.response.status = 200;
  record.response.headers = {{"Content-Type", "application/json"}, {"x-amzn-RequestId", "req-1"}};
  record.response.body =
      R"({"output":{"message":{"role":"assistant","content":[{"text":"hi"}]}},"stopReason":"end_turn",)"
      R"("usage":{"inputTokens":12,"outputTokens":34,"totalTokens":46},"metrics":{"latencyMs":321}})";
  record.response.body_bytes = record.response.body.size();
  return call;
}

}  // namespace

TEST_CASE("a Converse call is decoded", "[decode]") {
  CapturedCall call = converse();
  call.signing_region = "eu-central-1";
  call.signing_service = "bedrock";
  decode(call);
  const CallRecord& record = call.record;
  CHECK(record.aws.service == "bedrock-runtime");
  CHECK(record.aws.operation == "Converse");
  CHECK(record.aws.model_id == "eu.anthropic.claude-3-haiku-20240307-v1:0");
  CHECK(record.aws.provider == "anthropic");
  CHECK(record.aws.inference_scope == "eu");
  CHECK(record.aws.region == "eu-central-1");
  CHECK(record.aws.request_id == "req-1");
  CHECK(record.aws.invocation_id == "6f8a");
  CHECK(record.aws.attempt == 2);
  CHECK(record.aws.max_attempts == 5);
  CHECK(record.client.sdk == "boto3");
  CHECK(record.client.sdk_version == "1.40.0");
  CHECK(record.usage.input_tokens == 12U);
  CHECK(record.usage.output_tokens == 34U);
  CHECK(record.usage.total_tokens == 46U);
  CHECK(record.usage.disagrees == false);
  CHECK(record.response.stop_reason == "end_turn");
  CHECK(record.timing_ms.reported_by_aws == 321.0);
}

TEST_CASE("who called is decoded: process, application, the role that a refusal names", "[decode]") {
  CapturedCall call = converse();
  auto process = std::make_shared<AwaitedProcess>();
  call.client_process = process;
  call.record.request.headers = {{"User-Agent", "Boto3/1.40.0 app/billing x-client-framework:haystack"}};
  call.record.response.status = 403;
  call.record.response.body = R"({"message":"User: arn:aws:sts::1:assumed-role/R/ci is not authorized to do so"})";
  SECTION("found in time") {
    process->settle(ClientProcess{4711, "python3"});
    process->settle(std::nullopt);  // what comes later counts no more
    decode(call);
    CHECK(call.record.client.process_pid == 4711);
    CHECK(call.record.client.process_name == "python3");
  }
  SECTION("not known, or not yet") {
    if (GENERATE(false, true)) process->settle(std::nullopt);
    decode(call);
    CHECK_FALSE(call.record.client.process_pid.has_value());
  }
  CHECK(call.record.client.app_id == "billing");
  CHECK(call.record.client.framework == "haystack");
  CHECK(call.record.aws.principal == "arn:aws:sts::1:assumed-role/R/ci");
  CHECK(call.record.aws.session_name == "ci");
}

TEST_CASE("what cannot be read stays absent", "[decode]") {
  CapturedCall call = converse();
  SECTION("truncated") { call.record.response.body_truncated = true; }
  SECTION("compressed") { call.record.response.headers.emplace_back("Content-Encoding", "gzip"); }
  SECTION("streamed") {
    call.record.response.headers = {{"Content-Type", "application/vnd.amazon.eventstream"},
                                    {"x-amzn-RequestId", "req-1"}};
  }
  decode(call);
  CHECK(call.record.aws.operation == "Converse");
  CHECK(call.record.aws.request_id == "req-1");
  CHECK_FALSE(call.record.usage.input_tokens.has_value());
  CHECK_FALSE(call.record.usage.disagrees.has_value());
  CHECK(call.record.response.stop_reason.empty());
}

TEST_CASE("the region comes from the scope, then the host, then the ARN", "[decode]") {
  CapturedCall call = converse();
  call.target = "/model/arn%3Aaws%3Abedrock%3Aap-south-1%3A123456789012%3Aapplication-inference-profile%2Fabc/converse";
  SECTION("scope") {
    call.signing_region = "us-west-2";
    decode(call);
    CHECK(call.record.aws.region == "us-west-2");
  }
  SECTION("host") {
    decode(call);
    CHECK(call.record.aws.region == "eu-central-1");
  }
  SECTION("ARN") {
    call.record.upstream.host = "localhost";
    decode(call);
    CHECK(call.record.aws.region == "ap-south-1");
  }
}

TEST_CASE("a refusal of Amazon's gives its type and message", "[decode]") {
  CapturedCall call = converse();
  call.record.response.status = 429;
  call.record.response.headers = {{"x-amzn-ErrorType", "ThrottlingException:http://internal.amazon.com/"}};
  call.record.response.body = R"({"message":"Too many tokens"})";
  decode(call);
  CHECK(call.record.response.error_type == "ThrottlingException");
  CHECK(call.record.response.error_message == "Too many tokens");
  CHECK_FALSE(call.record.usage.input_tokens.has_value());
}

TEST_CASE("a call to a host that is no Bedrock endpoint names the signed service only", "[decode]") {
  CapturedCall call;
  call.record.upstream.host = "bucket.s3.eu-west-1.amazonaws.com";
  call.record.request.method = "GET";
  call.target = "/key";
  call.signing_service = "s3";
  call.signing_region = "eu-west-1";
  decode(call);
  CHECK(call.record.aws.service == "s3");
  CHECK(call.record.aws.operation.empty());
  CHECK(call.record.aws.region == "eu-west-1");
}

TEST_CASE("a call has the cost that its tokens have in the table, or none", "[decode]") {
  bedrock::PriceTable prices;
  bedrock::ModelPrice price;
  price.standard.input = 250'000;
  price.standard.output = 1'250'000;
  prices.add("", "", "anthropic.claude-3-haiku-20240307-v1:0", price);
  bedrock::ModelPrice image;
  image.image = 60'000'000'000;
  prices.add("", "", "amazon.nova-canvas-v1:0", image);
  CapturedCall call = converse();
  const char* expected = nullptr;
  SECTION("12 * 0.25 + 34 * 1.25, of millionths") { expected = "0.0000455"; }
  SECTION("counting costs nothing that is known") {
    call.target = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/count-tokens";
    call.record.response.body = R"({"inputTokens":12})";
  }
  SECTION("no usage") { call.record.response.body = R"({"output":{}})"; }
  SECTION("another service tier, asked for") {
    call.record.request.headers.emplace_back("X-Amzn-Bedrock-Service-Tier", "flex");
  }
  SECTION("the default tier") {
    call.record.request.headers.emplace_back("X-Amzn-Bedrock-Service-Tier", "default");
    expected = "0.0000455";
  }
  SECTION("another service tier, of Converse") {
    call.record.response.body.insert(1, R"("serviceTier":{"type":"priority"},)");
  }
  SECTION("optimised latency") {
    call.record.response.body.insert(1, R"("performanceConfig":{"latency":"optimized"},)");
  }
  SECTION("an unknown model") { call.target = "/model/new.model/converse"; }
  SECTION("images") {
    call.target = "/model/amazon.nova-canvas-v1%3A0/invoke";
    call.record.response.body = R"({"images":["iVBO","iVBO"]})";
    expected = "0.12";
  }
  decode(call, &prices);
  CHECK(call.record.cost_usd.value_or("none") == (expected == nullptr ? "none" : expected));
}

}  // namespace borehole::calls
