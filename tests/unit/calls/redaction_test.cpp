#include "calls/redaction.h"

#include "catch.h"

namespace borehole::calls {

namespace {
const std::vector<std::string> names{"X-Api-Key", "cookie", "set-cookie"};
}

TEST_CASE("masked headers keep nothing but a known scheme", "[redaction]") {
  Redaction redaction(names);
  CHECK(redaction.header_value("authorization", "AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=0123456789abcdef") ==
        "AWS4-HMAC-SHA256 ***");
  CHECK(redaction.header_value("Authorization", "Bearer bedrock-api-key-c2VjcmV0") == "Bearer ***");
  CHECK(redaction.header_value("Proxy-Authorization", "Basic dXNlcjpwYXNz") == "Basic ***");
  CHECK(redaction.header_value("Authorization", "hunter2secret somewhere") == "***");
  CHECK(redaction.header_value("Authorization", "hunter2secret") == "***");
  CHECK(redaction.header_value("X-AMZ-Security-Token", "IQoJb3JpZ2luX2VjE") == "***");
  CHECK(redaction.header_value("x-api-key", "k") == "***");
  CHECK(redaction.header_value("Cookie", "session=1") == "***");
  CHECK(redaction.header_value("x-api-key-id", "shown") == "shown");
}

TEST_CASE("authorization is masked whatever the list says", "[redaction]") {
  const std::vector<std::string> none;
  Redaction redaction(none);
  CHECK(redaction.header_value("Authorization", "Bearer abcdefgh") == "Bearer ***");
  CHECK(redaction.header_value("X-Amz-Security-Token", "abcdefgh") == "***");
}

TEST_CASE("a target loses signature and token, and keeps the rest as it was", "[redaction]") {
  Redaction redaction(names);
  CHECK(redaction.target("/model/a%3A0/invoke") == "/model/a%3A0/invoke");
  CHECK(redaction.target("/m?X-Amz-Credential=AKIA%2F20260102%2Fus-east-1&X-Amz-Signature=0123456789&x=1&&y") ==
        "/m?X-Amz-Credential=AKIA%2F20260102%2Fus-east-1&X-Amz-Signature=***&x=1&&y");
  CHECK(redaction.target("/m?x-amz-security-TOKEN=abcdefg%2B&z") == "/m?x-amz-security-TOKEN=***&z");
  CHECK(redaction.target("/m?X%2DAmz%2DSignature=abcdefgh") == "/m?X%2DAmz%2DSignature=***");
  CHECK(redaction.target("/m?x-api-key=abcdefgh") == "/m?x-api-key=***");
  CHECK(redaction.target("/m?") == "/m?");
  CHECK(redaction.target("https://user:pass@host/m?a=b@c") == "https://***@host/m?a=b@c");
  CHECK(redaction.target("https://host/m@n") == "https://host/m@n");
}

TEST_CASE("texts that quote a secret are cleansed of it", "[redaction]") {
  Redaction redaction(names);
  (void)redaction.header_value("Authorization", "AWS4-HMAC-SHA256 Credential=A/b, Signature=feedfacefeedface, X=y");
  (void)redaction.header_value("X-Amz-Security-Token", "IQoJ/b3Jp+Z2lu==");
  (void)redaction.target("/m?X-Amz-Security-Token=FwoG%2FZXIv");

  std::string text = R"(sent feedfacefeedface, "x-amz-security-token:IQoJ/b3Jp+Z2lu==", IQoJ\/b3Jp+Z2lu==)";
  redaction.cleanse(text);
  CHECK(text == R"(sent ***, "x-amz-security-token:***", ***)");

  text = "FwoG%2FZXIv and FwoG/ZXIv";
  redaction.cleanse(text);
  CHECK(text == "*** and ***");

  (void)redaction.header_value("Cookie", "a=first-cookie; b=second-cookie");
  (void)redaction.header_value("Set-Cookie", "c=third-cookie; Path=/model/x");
  text = "first-cookie second-cookie third-cookie /model/x";
  redaction.cleanse(text);
  CHECK(text == "*** *** *** /model/x");

  text = "token:IQoJ/b3Jp+";
  redaction.cleanse(text, true);
  CHECK(text == "token:***");
}

}  // namespace borehole::calls
