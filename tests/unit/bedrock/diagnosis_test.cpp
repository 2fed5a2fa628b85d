#include "bedrock/diagnosis.h"

#include "catch.h"
#include "unit/bedrock/recorded_call.h"

using namespace borehole;
using namespace borehole::bedrock;

namespace {

RecordedCall refused(int status, std::string type, std::string message) {
  RecordedCall call;
  call.status = status;
  call.error_type = std::move(type);
  call.error_message = std::move(message);
  return call;
}

Finding first(const RecordedCall& call) {
  const Diagnosis diagnosis = call.diagnosed();
  REQUIRE(diagnosis.failed);
  REQUIRE_FALSE(diagnosis.findings.empty());
  return diagnosis.findings.front();
}

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("an access key that Amazon does not know", "[diagnosis]") {
  auto call = refused(403, "UnrecognizedClientException", "The security token included in the request is invalid.");
  CHECK(first(call).code == "access_key_unknown");
  call.key = "ASIAIOSFODNN7EXAMPLE";
  CHECK(first(call).code == "session_token_missing");
  call.token = "token";
  CHECK(first(call).code == "session_over");
  call.key = "AKIAIOSFODNN7EXAMPLE";
  CHECK(first(call).code == "session_token_left_over");
  call.key = "your-access-key-here";
  CHECK(first(call).code == "access_key_malformed");

  call = refused(403, "ExpiredTokenException", "The security token included in the request is expired");
  call.key = "ASIAIOSFODNN7EXAMPLE";
  call.token = "token";
  CHECK(first(call).code == "session_expired");
}

TEST_CASE("credentials that are not there, or of another kind", "[diagnosis]") {
  auto call = refused(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
  call.scheme = "none";
  CHECK(first(call).code == "credentials_missing");
  call.error_type = "AccessDeniedException";
  CHECK(first(call).code == "credentials_missing");
  call.scheme = "other";
  CHECK(first(call).code == "authorization_unknown");
}

TEST_CASE("an API key is judged by its shape, its time and its region", "[diagnosis]") {
  auto call = refused(403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.");
  call.scheme = "bearer";
  call.api_key = "long_term";
  CHECK(first(call).code == "api_key_unknown");
  call.api_key_fault = "not_base64";
  CHECK(first(call).code == "api_key_malformed");
  CHECK(holds(first(call).sentence, "base64"));

  call.api_key_fault = "";
  call.api_key = "short_term";
  call.api_key_expires_at = "2026-01-02T01:04:06Z";
  CHECK(first(call).code == "api_key_expired");
  CHECK(holds(first(call).sentence, "2 hours"));
  call.api_key_expires_at = "2026-01-02T13:04:06Z";
  call.region = "eu-west-1";
  CHECK(first(call).code == "api_key_of_other_region");
  call.error_type = "UnrecognizedClientException";
  CHECK(first(call).code == "api_key_of_other_region");
}

TEST_CASE("what IAM refuses names identity, action, resource and the policy's kind", "[diagnosis]") {
  const std::string who =
      "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: bedrock:InvokeModel on "
      "resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 ";
  auto call = refused(403, "AccessDeniedException",
                      who + "because no identity-based policy allows the bedrock:InvokeModel action");
  CHECK(first(call).code == "iam_not_allowed");
  CHECK(holds(first(call).sentence,
              "user/ann may not bedrock:InvokeModel on arn:aws:bedrock:us-east-1::foundation-model/"));
  CHECK(holds(first(call).remedy, "attach a policy that allows bedrock:InvokeModel"));

  call.error_message = who + "with an explicit deny in a service control policy";
  CHECK(first(call).code == "iam_explicit_deny");
  CHECK(holds(first(call).sentence, "a service control policy denies it"));

  call.error_message = "You don't have access to the model with the specified model ID.";
  CHECK(first(call).code == "model_access");
  call.error_message = "no";
  CHECK(first(call).code == "access_denied");
}

TEST_CASE("quotas are told by what they count", "[diagnosis]") {
  CHECK(first(refused(429, "ThrottlingException", "Too many requests, please wait")).code == "throttled");
  CHECK(first(refused(429, "ThrottlingException", "Too many tokens, please wait")).code == "throttled_by_tokens");
  CHECK(first(refused(429, "ThrottlingException", "Too many tokens per day")).code == "throttled_by_day");
  CHECK(first(refused(429, "", "")).code == "throttled");
  CHECK(first(refused(429, "ModelNotReadyException", "wait")).code == "model_not_ready");
  CHECK(first(refused(400, "ServiceQuotaExceededException", "full")).code == "quota_exceeded");
}

TEST_CASE("what Amazon finds invalid is traced to the request", "[diagnosis]") {
  auto call =
      refused(400, "ValidationException",
              "Invocation of model ID amazon.nova-2-lite-v1:0 with on-demand throughput isn\u2019t supported. Retry "
              "your request with the ID or ARN of an inference profile that contains this model.");
  call.model = "amazon.nova-2-lite-v1:0";
  CHECK(first(call).code == "inference_profile_needed");
  CHECK(holds(first(call).remedy, "us.amazon.nova-2-lite-v1:0"));

  call.error_message = "The provided model identifier is invalid.";
  CHECK(first(call).code == "model_id_invalid");
  call.model = "eu.amazon.nova-lite-v1:0";
  CHECK(first(call).code == "profile_elsewhere");
  CHECK(holds(first(call).remedy, "us.amazon.nova-lite-v1:0"));
  call.model = "us.amazon.nova-lite-v1:0";
  CHECK(first(call).code == "model_id_invalid");
  call.model = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0";
  CHECK(first(call).code == "model_elsewhere");

  call = refused(400, "ValidationException", "Malformed input request: #: extraneous key [foo] is not permitted");
  CHECK(first(call).code == "body_of_another_shape");
  call.body = "{\"messages\":";
  CHECK(first(call).code == "body_not_json");
  call.body = "";
  CHECK(first(call).code == "body_empty");
  CHECK(first(refused(400, "ValidationException", "Input is too long for requested model.")).code == "prompt_too_long");
  CHECK(first(refused(400, "ValidationException", "Operation not allowed")).code == "account_restricted");
  CHECK(first(refused(400, "ValidationException", "1 validation error")).code == "request_invalid");

  CHECK(first(refused(404, "ResourceNotFoundException", "This model version has reached the end of its life.")).code ==
        "model_retired");
  CHECK(first(refused(404, "ResourceNotFoundException", "Model use case details have not been submitted")).code ==
        "use_case_missing");
  CHECK(first(refused(404, "ResourceNotFoundException", "no")).code == "not_found");
}

TEST_CASE("an operation at the wrong host is told the right one", "[diagnosis]") {
  auto call = refused(404, "UnknownOperationException", "");
  call.upstream = call.host = "bedrock.us-east-1.amazonaws.com";
  CHECK(first(call).code == "operation_elsewhere");
  CHECK(holds(first(call).remedy, "bedrock-runtime.us-east-1.amazonaws.com"));
  call.upstream = call.host = "bedrock-runtime.us-east-1.amazonaws.com";
  call.target = "/v1/model/m/converse";
  CHECK(first(call).code == "operation_unknown");
}

TEST_CASE("what never came to Amazon is told with borehole's own words", "[diagnosis]") {
  auto call = refused(502, "ServiceUnavailableException", "");
  call.outcome = "upstream_failed";
  call.own_code = "certificate_rejected";
  call.own_message = "the certificate of h was refused: it is self-signed";
  call.own_fault = "upstream";
  CHECK(first(call).code == "certificate_rejected");
  CHECK(first(call).sentence == call.own_message);
  CHECK(holds(first(call).remedy, "upstream.ca_files"));
  // Not one of them is left without a remedy of its own.
  for (const char* code :
       {"body_timeout",       "too_many_guesses",    "malformed_request",    "ambiguous_request",
        "host_mismatch",      "head_too_large",      "head_timeout",         "host_not_allowed",
        "port_not_allowed",   "address_not_allowed", "proxy_loop",           "proxy_auth_required",
        "no_route",           "header_required",     "dns_failed",           "connect_failed",
        "connect_timeout",    "tls_failed",          "certificate_rejected", "upstream_proxy_refused",
        "malformed_response", "response_timeout",    "shutting_down",        "too_many_connections",
        "out_of_memory",      "unsupported_protocol"}) {
    INFO(code);
    call.own_code = code;
    CHECK(first(call).code == code);
    CHECK_FALSE(holds(first(call).remedy, "borehole doctor` looks"));
  }
}

TEST_CASE("an exception inside a stream, a broken one, and a client that left", "[diagnosis]") {
  auto call = refused(200, "throttlingException", "Too many tokens");
  call.exception = "throttlingException";
  CHECK(first(call).code == "throttled_by_tokens");
  CHECK(holds(first(call).evidence.back(), "inside the stream, after 3 events"));
  call.error_type = call.error_message = "";
  CHECK(first(call).code == "throttled");

  call = refused(200, "", "");
  call.outcome = "upstream_failed";
  call.own_code = "upstream_broke";
  call.own_message = "h ended the TLS connection without close_notify";
  CHECK(first(call).code == "answer_broke");

  call = refused(0, "", "");
  call.outcome = "client_aborted";
  call.own_code = "client_aborted";
  call.total_ms = 60'010;
  CHECK(first(call).code == "client_left");
  CHECK(holds(first(call).sentence, "60.0 s"));
  CHECK(holds(first(call).remedy, "read timeout"));
}

TEST_CASE("an answer of something else than Amazon is told so", "[diagnosis]") {
  auto call = refused(502, "", "");
  const Finding finding = first(call);
  CHECK(finding.code == "unknown_error");
  CHECK(holds(finding.sentence, "the status 502"));
}
