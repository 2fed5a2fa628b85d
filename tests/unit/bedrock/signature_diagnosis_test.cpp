#include <algorithm>

#include "bedrock/diagnosis.h"
#include "catch.h"
#include "unit/bedrock/recorded_call.h"

using namespace borehole;
using namespace borehole::bedrock;

namespace {

std::vector<std::string> codes(const Diagnosis& diagnosis) {
  std::vector<std::string> out;
  for (const Finding& finding : diagnosis.findings) out.push_back(finding.code);
  return out;
}

std::string first(const RecordedCall& call) {
  const Diagnosis diagnosis = call.diagnosed();
  return diagnosis.findings.empty() ? std::string() : diagnosis.findings.front().code;
}

bool has(const Diagnosis& diagnosis, const std::string& code) {
  const auto all = codes(diagnosis);
  return std::find(all.begin(), all.end(), code) != all.end();
}

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("a call that succeeded has no diagnosis", "[diagnosis]") {
  RecordedCall call;
  call.status = 200;
  call.error_type = call.error_message = "";
  // Not even where something about it looks odd.
  call.time = "20260102T020000Z";
  const SigningSecret secret{call.key, call.secret, {}};
  const Diagnosis diagnosis = call.diagnosed(&secret);
  CHECK_FALSE(diagnosis.failed);
  CHECK(diagnosis.findings.empty());
  CHECK_FALSE(diagnosis.signature);
}

TEST_CASE("every failure has a finding, of one sentence and a remedy", "[diagnosis]") {
  for (const char* type : {"InvalidSignatureException",
                           "SignatureDoesNotMatch",
                           "IncompleteSignatureException",
                           "UnrecognizedClientException",
                           "InvalidClientTokenId",
                           "ExpiredTokenException",
                           "MissingAuthenticationTokenException",
                           "AccessDeniedException",
                           "ThrottlingException",
                           "ModelNotReadyException",
                           "ServiceQuotaExceededException",
                           "ValidationException",
                           "ResourceNotFoundException",
                           "UnknownOperationException",
                           "ModelErrorException",
                           "ModelTimeoutException",
                           "InternalServerException",
                           "ServiceUnavailableException",
                           "SomethingNewException",
                           ""}) {
    RecordedCall call;
    call.error_type = type;
    const Diagnosis diagnosis = call.diagnosed();
    INFO(type);
    REQUIRE_FALSE(diagnosis.findings.empty());
    for (const Finding& finding : diagnosis.findings) {
      CHECK_FALSE(finding.code.empty());
      CHECK_FALSE(finding.sentence.empty());
      CHECK_FALSE(finding.remedy.empty());
      CHECK_FALSE(finding.sentence.ends_with('.'));
    }
  }
}

TEST_CASE("a clock that is off is measured by Amazon's Date", "[diagnosis]") {
  RecordedCall call;
  call.time = "20260102T024205Z";
  Diagnosis diagnosis = call.diagnosed();
  REQUIRE(first(call) == "clock_behind");
  CHECK(holds(diagnosis.findings.front().sentence, "22 minutes behind"));
  CHECK(holds(diagnosis.findings.front().remedy, "NTP"));

  call.client = "127.0.0.1:4711";  // the clock that borehole has, too, and that agrees with Amazon's
  CHECK(holds(call.diagnosed().findings.front().remedy, "just before it is sent"));

  call.time = "20260102T034205Z";
  CHECK(first(call) == "clock_ahead");
  call.time = "20260102T030905Z";
  CHECK_FALSE(has(call.diagnosed(), "clock_ahead"));

  // Without a Date, Amazon's message tells its time.
  call.date = "";
  call.time = "20250714T201419Z";
  call.scope_date = "20250714";
  call.error_message =
      "Signature expired: 20250714T201419Z is now earlier than 20250714T202350Z (20250714T202850Z - 5 min.)";
  diagnosis = call.diagnosed();
  CHECK(codes(diagnosis).front() == "clock_behind");
  CHECK(holds(diagnosis.findings.front().sentence, "15 minutes behind"));
}

TEST_CASE("region, service and day of the scope are held against the host and the time", "[diagnosis]") {
  RecordedCall call;
  call.region = "eu-west-1";
  CHECK(first(call) == "wrong_region");
  CHECK(holds(call.diagnosed().findings.front().remedy, "to us-east-1"));
  CHECK_FALSE(has(call.diagnosed(), "wrong_secret"));

  call = {};
  call.service = "bedrock-runtime";
  CHECK(first(call) == "wrong_service");
  call.upstream = call.host = "bedrock-agentcore.us-east-1.amazonaws.com";
  call.service = "bedrock-agentcore";
  CHECK_FALSE(has(call.diagnosed(), "wrong_service"));

  call = {};
  call.scope_date = "20260101";
  CHECK(first(call) == "scope_date");
}

TEST_CASE("signed headers are looked for among those that arrived", "[diagnosis]") {
  RecordedCall call;
  call.also_signed = {"x-trace"};
  CHECK(first(call) == "signed_header_missing");
  CHECK(holds(call.diagnosed().findings.front().sentence, "`x-trace`"));

  call = {};
  call.also_signed = {"host"};
  CHECK(first(call) == "signed_header_twice");

  call = {};
  call.sdk = "";
  call.more_headers = {{"X-Forwarded-For", "10.0.0.1"}};
  CHECK(has(call.diagnosed(), "signed_header_changes"));
}

TEST_CASE("the body's hash is held against the announced one", "[diagnosis]") {
  RecordedCall call;
  call.more_headers = {{"x-amz-content-sha256", tls::lower_hex(tls::sha256("another body"))}};
  CHECK(first(call) == "body_changed");
  call.body_kept = false;
  CHECK_FALSE(has(call.diagnosed(), "body_changed"));
  CHECK(has(call.diagnosed(), "body_unknown"));
  call.body_kept = call.redacted = true;
  CHECK_FALSE(has(call.diagnosed(), "body_changed"));
  call.redacted = false;
  call.more_headers = {{"x-amz-content-sha256", tls::lower_hex(tls::sha256(call.body))}};
  CHECK_FALSE(has(call.diagnosed(), "body_changed"));
}

TEST_CASE("a path that was encoded twice is seen", "[diagnosis]") {
  RecordedCall call;
  call.target = "/model/amazon.nova-lite-v1%253A0/converse";
  CHECK(first(call) == "path_encoded_twice");
  call.error_type = "ValidationException";
  call.status = 400;
  CHECK(first(call) == "path_encoded_twice");
  call.target = "/model/amazon.nova-lite-v1%25zz/converse";  // a percent sign that is meant
  CHECK(first(call) != "path_encoded_twice");
}

TEST_CASE("two causes at once are told in the order of how sure they are", "[diagnosis]") {
  RecordedCall call;
  call.time = "20260102T024205Z";
  call.region = "eu-west-1";
  CHECK(codes(call.diagnosed()) == std::vector<std::string>{"clock_behind", "wrong_region"});

  call = {};
  call.target = "/model/amazon.nova-lite-v1%3A0/converse";
  CHECK(codes(call.diagnosed()) == std::vector<std::string>{"path_encoding", "wrong_secret", "signer_differs"});
  call.sdk = "boto3";  // which encodes rightly
  CHECK(codes(call.diagnosed()) == std::vector<std::string>{"wrong_secret"});
}

TEST_CASE("Amazon's canonical request is compared with ours", "[diagnosis]") {
  RecordedCall call;
  call.error_message = call.message_with_canonical();
  Diagnosis diagnosis = call.diagnosed();
  REQUIRE(diagnosis.canonical);
  CHECK(diagnosis.canonical->line == 0);
  CHECK(diagnosis.canonical->ours == diagnosis.canonical->amazons);

  RecordedCall changed = call;
  changed.more_headers = {{"X-Real-IP", "10.0.0.1"}};
  changed.error_message = changed.message_with_canonical();
  changed.error_message.replace(changed.error_message.find("10.0.0.1"), 8, "10.0.0.1,10.0.0.2");
  diagnosis = changed.diagnosed();
  REQUIRE(diagnosis.canonical);
  CHECK(diagnosis.canonical->line > 3);
  CHECK(diagnosis.canonical->our_line == "x-real-ip:10.0.0.1");
  CHECK(diagnosis.canonical->amazons_line == "x-real-ip:10.0.0.1,10.0.0.2");
  CHECK(diagnosis.findings.front().code == "header_changed");

  // What is quoted without an end is none.
  call.error_message = "The Canonical String for this request should have been\n'POST";
  CHECK_FALSE(call.diagnosed().canonical);
}

TEST_CASE("a gateway's client that signed borehole's own address is told how to sign", "[diagnosis]") {
  RecordedCall call;
  call.way_in = "gateway";
  call.router = "/service/standard/";
  call.host = "localhost:5380";
  call.notes = {"Host: localhost:5380 is borehole's own address and was replaced by " + call.upstream};
  const Diagnosis guess = call.diagnosed();
  CHECK(codes(guess) == std::vector<std::string>{"host_signed_differs", "wrong_secret", "signer_differs"});

  const SigningSecret secret{call.key, call.secret, {}};
  Diagnosis proved = call.diagnosed(&secret);
  REQUIRE(proved.signature);
  CHECK(proved.signature->proof == Proof::fits_otherwise);
  CHECK(codes(proved) == std::vector<std::string>{"host_signed_differs"});
  CHECK(holds(proved.findings.front().sentence, "signed for Host localhost:5380"));

  call.signed_target = "/service/standard" + call.target;
  proved = call.diagnosed(&secret);
  CHECK(has(proved, "prefix_signed"));
  CHECK(has(proved, "host_signed_differs"));

  // One that signed the real host, as it should.
  call.signed_target.reset();
  call.signed_host = call.upstream;
  proved = call.diagnosed(&secret);
  CHECK(proved.signature->proof == Proof::fits);
  CHECK(codes(proved) == std::vector<std::string>{"signature_right"});
}

TEST_CASE("with the secret the signature is recomputed", "[diagnosis]") {
  RecordedCall call;
  SigningSecret secret{{}, call.secret, {}};
  Diagnosis diagnosis = call.diagnosed(&secret);
  REQUIRE(diagnosis.signature);
  CHECK(diagnosis.signature->proof == Proof::fits);
  CHECK(codes(diagnosis) == std::vector<std::string>{"signature_right"});

  secret.secret = "S3CRET/of/another/key";
  diagnosis = call.diagnosed(&secret);
  CHECK(diagnosis.signature->proof == Proof::does_not_fit);
  CHECK(diagnosis.findings.front().code == "wrong_secret");
  for (const Finding& finding : diagnosis.findings) {
    CHECK_FALSE(holds(finding.sentence + finding.remedy, secret.secret));
  }

  secret = {"AKIAANOTHERKEY000000", call.secret, {}};
  CHECK(call.diagnosed(&secret).signature->proof == Proof::impossible);

  secret = {call.key, call.secret, {}};
  call.target = "/model/amazon.nova-lite-v1%3A0/converse";
  for (const PathRule rule : {PathRule::not_encoded, PathRule::decoded}) {
    call.rule = rule;
    diagnosis = call.diagnosed(&secret);
    CHECK(diagnosis.signature->proof == Proof::fits_otherwise);
    CHECK(diagnosis.findings.front().code == "path_encoding");
  }
  call.target = "/model//amazon.nova-lite-v1/converse";
  call.rule = PathRule::as_sent;
  CHECK(call.diagnosed(&secret).findings.front().code == "path_not_normalized");

  call = {};
  call.signed_body = "";
  CHECK(call.diagnosed(&secret).findings.front().code == "body_changed");
  call.body_kept = false;
  CHECK(call.diagnosed(&secret).signature->proof == Proof::impossible);

  call.body_kept = call.redacted = true;
  CHECK(call.diagnosed(&secret).signature->proof == Proof::impossible);

  call = {};
  call.signed_host = "bedrock.us-east-1.amazonaws.com";
  CHECK(call.diagnosed(&secret).findings.front().code == "host_signed_differs");

  // What is seen without it comes first all the same.
  call = {};
  call.time = "20260102T024205Z";
  diagnosis = call.diagnosed(&secret);
  CHECK(diagnosis.signature->proof == Proof::fits);
  CHECK(codes(diagnosis) == std::vector<std::string>{"clock_behind"});
}

TEST_CASE("a signed session token comes from whoever asks, since no record holds it", "[diagnosis]") {
  RecordedCall call;
  call.token = "a+session/token==";
  SigningSecret secret{call.key, call.secret, {}};
  Diagnosis diagnosis = call.diagnosed(&secret);
  CHECK(diagnosis.signature->proof == Proof::impossible);
  CHECK(holds(diagnosis.signature->sentence, "AWS_SESSION_TOKEN"));
  secret.session_token = call.token;
  CHECK(call.diagnosed(&secret).signature->proof == Proof::fits);
}

TEST_CASE("a record with more signed headers than any signer lists takes no time", "[diagnosis]") {
  RecordedCall call;
  for (int i = 0; i < 20'000; ++i) call.also_signed.push_back("x");
  const SigningSecret secret{call.key, call.secret, {}};
  const Diagnosis diagnosis = call.diagnosed(&secret);
  REQUIRE(diagnosis.signature);
  CHECK(diagnosis.signature->proof == Proof::impossible);
  CHECK(diagnosis.findings.front().code == "signed_header_missing");
}

TEST_CASE("an Authorization that lacks a part is told so", "[diagnosis]") {
  const auto record = JsonValue::parse(
      R"({"outcome":"complete","upstream":{"host":"bedrock-runtime.us-east-1.amazonaws.com"},)"
      R"("aws":{"access_key_id":"AKIAIOSFODNN7EXAMPLE","signing":{"scheme":"sigv4","scope":"20260102/us-east-1/bedrock/aws4_request"}},)"
      R"("request":{"method":"POST","target":"/model/m/invoke","headers":[["Host","h"],["Authorization","AWS4-HMAC-SHA256 ***"]]},)"
      R"("response":{"status":403,"error_type":"IncompleteSignatureException"}})");
  REQUIRE(record);
  const Diagnosis diagnosis = diagnose(*record);
  CHECK(diagnosis.findings.front().code == "authorization_incomplete");
  CHECK(holds(diagnosis.findings.front().sentence, "no SignedHeaders and no Signature"));
}
