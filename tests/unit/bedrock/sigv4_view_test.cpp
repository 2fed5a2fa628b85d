#include "bedrock/sigv4_view.h"

#include <string>
#include <vector>

#include "bedrock/text.h"
#include "catch.h"

using namespace borehole::bedrock;

namespace {

using Headers = std::vector<Field>;

std::string base64(std::string_view text) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) out += i + j > text.size() ? '=' : kAlphabet[bits >> (18 - 6 * j) & 63];
  }
  return out;
}

// Nothing that a record could show may hold any of the secret.
void check_keeps_no(const SignatureView& view, std::string_view secret) {
  std::string all = view.access_key_id + view.account + view.date + view.region + view.service + view.time;
  for (const auto& name : view.signed_headers) all += name;
  CHECK(all.find(secret) == std::string::npos);
}

}  // namespace

TEST_CASE("an Authorization field is read with or without blanks after its commas") {
  for (const char* separator : {", ", ",", ",  \t"}) {
    CAPTURE(separator);
    const std::string value =
        std::string("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request") + separator +
        "SignedHeaders=content-type;Host;x-amz-date" + separator + "Signature=0aad80";
    const Headers headers{{"host", "h"},
                          {"X-Amz-Date", " 20260102T030405Z "},
                          {"authorization", value},
                          {"x-amz-security-token", "TOKEN"}};
    const SignatureView view = read_signature("/model/a/converse", headers);
    CHECK(view.scheme == SignatureScheme::sigv4);
    CHECK(view.access_key_id == "AKIDEXAMPLE");
    CHECK(view.date == "20260102");
    CHECK(view.region == "us-east-1");
    CHECK(view.service == "bedrock");
    CHECK(view.time == "20260102T030405Z");
    CHECK(view.signed_headers == std::vector<std::string>{"content-type", "host", "x-amz-date"});
    CHECK(view.signature_present);
    CHECK(view.session_token_present);
    CHECK(is_signed_header(view, "Content-TYPE"));
    CHECK(!is_signed_header(view, "content"));
    check_keeps_no(view, "0aad80");
    check_keeps_no(view, "TOKEN");
  }
}

TEST_CASE("a presigned query is read") {
  const SignatureView view = read_signature(
      "/model/a/"
      "converse?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Feu-west-1%2Fbedrock%2F"
      "aws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-a&X-Amz-Security-Token="
      "TOKEN"
      "&X-Amz-Signature=feed",
      {});
  CHECK(view.scheme == SignatureScheme::sigv4_query);
  CHECK(view.access_key_id == "AKIDEXAMPLE");
  CHECK(view.region == "eu-west-1");
  CHECK(view.service == "bedrock");
  CHECK(view.time == "20260102T030405Z");
  CHECK(view.signed_headers == std::vector<std::string>{"host", "x-a"});
  CHECK(view.signature_present);
  CHECK(view.session_token_present);
  check_keeps_no(view, "feed");
  check_keeps_no(view, "TOKEN");
}

TEST_CASE("SigV4a has no region in its scope") {
  const Headers headers{
      {"Authorization",
       "AWS4-ECDSA-P256-SHA256 Credential=AKID/20260102/bedrock/aws4_request, SignedHeaders=host, Signature=30"}};
  const SignatureView view = read_signature("/", headers);
  CHECK(view.scheme == SignatureScheme::sigv4a);
  CHECK(view.access_key_id == "AKID");
  CHECK(view.region.empty());
  CHECK(view.service == "bedrock");
}

TEST_CASE("a short-term API key gives its access key id and region, and nothing secret") {
  const std::string url =
      "bedrock.amazonaws.com/"
      "?Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLE%2F"
      "20260102%2Fus-west-2%2Fbedrock%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=43200&X-Amz-Security-"
      "Token="
      "SECRETTOKEN&X-Amz-Signature=5ec2e7&X-Amz-SignedHeaders=host&Version=1";
  for (const char* field : {"Authorization", "x-api-key"}) {
    CAPTURE(field);
    const std::string value = (field[0] == 'A' ? "Bearer bedrock-api-key-" : "bedrock-api-key-") + base64(url);
    const Headers headers{{field, value}};
    const SignatureView view = read_signature("/", headers);
    CHECK(view.scheme == SignatureScheme::bearer);
    CHECK(view.access_key_id == "ASIAEXAMPLE");
    CHECK(view.region == "us-west-2");
    CHECK(view.service == "bedrock");
    CHECK(view.signed_headers.empty());
    CHECK(!view.signature_present);
    check_keeps_no(view, "SECRETTOKEN");
    check_keeps_no(view, "5ec2e7");
  }
}

TEST_CASE("a long-term API key gives its account and name, and nothing secret") {
  const std::string value = "bearer ABSK" + base64("BedrockAPIKey-ab12-at-123456789012:hush/hush=");
  const Headers headers{{"authorization", value}};
  const SignatureView view = read_signature("/", headers);
  CHECK(view.scheme == SignatureScheme::bearer);
  CHECK(view.account == "123456789012");
  CHECK(view.api_key_name == "BedrockAPIKey-ab12-at-123456789012");
  CHECK(view.access_key_id.empty());
  check_keeps_no(view, "hush");
}

TEST_CASE("credentials of other kinds, and broken ones, give what they can and never more") {
  const std::pair<std::string, SignatureScheme> cases[] = {
      {"", SignatureScheme::other},
      {"Basic dTpw", SignatureScheme::other},
      {"AWS4-HMAC-SHA512 Credential=x", SignatureScheme::other},
      {"AWS4-HMAC-SHA256", SignatureScheme::sigv4},
      {"AWS4-HMAC-SHA256 Credential=, SignedHeaders=;;, Signature=", SignatureScheme::sigv4},
      {"AWS4-HMAC-SHA256 ,,,===", SignatureScheme::sigv4},
      {"Bearer", SignatureScheme::bearer},
      {"Bearer bedrock-api-key-!!!", SignatureScheme::bearer},
      {"Bearer bedrock-api-key-" + base64("no question mark"), SignatureScheme::bearer},
      {"Bearer ABSK" + base64("BedrockAPIKey-hush"), SignatureScheme::bearer},
      {"Bearer ABSK" + base64("BedrockAPIKey-x-at-hush"), SignatureScheme::bearer},
      {"Bearer hush", SignatureScheme::bearer},
  };
  for (const auto& [value, scheme] : cases) {
    CAPTURE(value);
    const Headers headers{{"Authorization", value}};
    const SignatureView view = read_signature("/", headers);
    CHECK(view.scheme == scheme);
    CHECK(view.access_key_id.empty());
    CHECK(view.account.empty());
    CHECK(view.signed_headers.empty());
    CHECK(!view.signature_present);
    check_keeps_no(view, "hush");
  }
  CHECK(read_signature("/?a=b&X-Amz-Algorithm=none", {}).scheme == SignatureScheme::none);
  CHECK(scheme_name(SignatureScheme::sigv4_query) == "sigv4_query");
}

TEST_CASE("a signature is intact exactly while nothing that it covers changes") {
  const Headers received{{"Host", "h"},
                         {"X-Amz-Date", "D"},
                         {"X-A", "1"},
                         {"X-A", "2"},
                         {"User-Agent", "u"},
                         {"Authorization",
                          "AWS4-HMAC-SHA256 Credential=A/20260102/r/bedrock/aws4_request, "
                          "SignedHeaders=host;x-a;x-amz-date, Signature=1"}};
  const RequestView request{"POST", "/model/a%3Ab/converse?q=1", received};
  const SignatureView view = read_signature(request.target, request.fields);
  const auto intact_with = [&](std::string_view target, const Headers& fields) {
    return signature_intact(view, request, {"POST", target, fields});
  };
  CHECK(intact_with(request.target, received));
  CHECK(intact_with("https://h/model/a%3Ab/converse?q=1", received));  // absolute form
  CHECK(intact_with(request.target,
                    {{"x-amz-date", " D "}, {"host", "h"}, {"x-a", "1"}, {"x-a", "2"}}));    // case, order, blanks
  CHECK(intact_with(request.target, {{"Host", "h"}, {"X-Amz-Date", "D"}, {"X-A", "1,2"}}));  // joined
  CHECK(!intact_with(request.target, {{"Host", "h"}, {"X-Amz-Date", "D"}, {"X-A", "2"}, {"X-A", "1"}}));
  CHECK(!intact_with(request.target, {{"Host", "h"}, {"X-Amz-Date", "D"}, {"X-A", "1"}}));
  CHECK(!intact_with(request.target, {{"Host", "h"}, {"X-Amz-Date", "D"}}));
  CHECK(!intact_with(request.target, {{"Host", "other"}, {"X-Amz-Date", "D"}, {"X-A", "1,2"}}));
  CHECK(!intact_with("/model/a:b/converse?q=1", received));
  CHECK(!intact_with("/model/a%3ab/converse?q=1", received));
  CHECK(!intact_with("/service/standard/model/a%3Ab/converse?q=1", received));
  CHECK(!intact_with("/model/a%3Ab/converse", received));
  CHECK(!signature_intact(view, request, {"GET", request.target, received}));
  CHECK(signature_intact({}, request, {"GET", "/", {}}));  // nothing was signed
}
