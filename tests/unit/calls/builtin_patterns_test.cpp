#include "calls/builtin_patterns.h"

#include <chrono>
#include <string>

#include "catch.h"

using namespace borehole;
using namespace borehole::calls;

namespace {

std::vector<std::string> emails(std::string_view text) {
  std::vector<TextSpan> spans;
  find_emails(text, spans);
  std::vector<std::string> out;
  for (const auto& span : spans) out.emplace_back(text.substr(span.begin, span.end - span.begin));
  return out;
}
std::vector<std::string> cards(std::string_view text) {
  std::vector<TextSpan> spans;
  find_cards(text, spans);
  std::vector<std::string> out;
  for (const auto& span : spans) out.emplace_back(text.substr(span.begin, span.end - span.begin));
  return out;
}
std::vector<std::string> aws_keys(std::string_view text, std::string_view member = {}) {
  std::vector<TextSpan> spans;
  find_aws_keys(text, member, spans);
  std::vector<std::string> out;
  for (const auto& span : spans) out.emplace_back(text.substr(span.begin, span.end - span.begin));
  return out;
}

using Texts = std::vector<std::string>;
const std::string secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";  // the documented example, 40 characters

}  // namespace

TEST_CASE("e-mail addresses") {
  CHECK(emails("Write to jane.doe+x@mail.example.co.uk, please") == Texts{"jane.doe+x@mail.example.co.uk"});
  CHECK(emails("<a_b@x.io>;c@y.de.") == Texts{"a_b@x.io", "c@y.de"});
  CHECK(emails("j\xc3\xbcrgen@m\xc3\xbcller.de") == Texts{"j\xc3\xbcrgen@m\xc3\xbcller.de"});
  CHECK(emails("\"john doe\"@example.com") == Texts{"\"john doe\"@example.com"});
  CHECK(emails("?email=jane@example.com&b=1") == Texts{"email=jane@example.com"});
  for (const std::string_view none :
       {"", "@", "a@", "@b.de", "a@b", "user@localhost", "a@b.c", "x@1.2", "at @app.route(", "a @ b.de"}) {
    CAPTURE(none);
    CHECK(emails(none).empty());
  }
}

TEST_CASE("card numbers pass the check, however they are divided") {
  CHECK(cards("4111111111111111") == Texts{"4111111111111111"});
  CHECK(cards("no 4111 1111 1111 1111, thanks") == Texts{"4111 1111 1111 1111"});
  CHECK(cards("3782-822463-10005;6011.1111.1111.1117") == Texts{"3782-822463-10005", "6011.1111.1111.1117"});
  CHECK(cards("4111\xc2\xa0"
              "1111\xc2\xa0"
              "1111\xc2\xa0"
              "1111") == Texts{"4111\xc2\xa0"
                               "1111\xc2\xa0"
                               "1111\xc2\xa0"
                               "1111"});
  CHECK(cards("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1") == Texts{"4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"});
  CHECK(cards("12 4111 1111 1111 1111 99") == Texts{"4111 1111 1111 1111"});
  CHECK(cards("4111111111111111 5555555555554444") == Texts{"4111111111111111", "5555555555554444"});
}

TEST_CASE("numbers that are no cards stay") {
  for (const std::string_view none :
       {"4111111111111112", "4111 1111 1111", "1700000000000", "0.4111111111111111", "41111111111111110000000000",
        "4111  1111 1111 1111", "9999999999999995", "123456789012"}) {
    CAPTURE(none);
    CHECK(cards(none).empty());
  }
}

TEST_CASE("AWS credentials") {
  CHECK(aws_keys("id AKIAIOSFODNN7EXAMPLE.") == Texts{"AKIAIOSFODNN7EXAMPLE"});
  CHECK(aws_keys("ASIAIOSFODNN7EXAMPLE and xAKIAIOSFODNN7EXAMPLE AKIASHORT AKIAIOSFODNN7EXAMPLEX") ==
        Texts{"ASIAIOSFODNN7EXAMPLE"});
  CHECK(aws_keys("aws_secret_access_key = " + secret) == Texts{secret});
  CHECK(aws_keys(secret, "SecretAccessKey") == Texts{secret});
  CHECK(aws_keys("AKIAIOSFODNN7EXAMPLE," + secret) == Texts{secret, "AKIAIOSFODNN7EXAMPLE"});
  CHECK(aws_keys(secret).empty());
  CHECK(aws_keys("the secret da39a3ee5e6b4b0d3255bfef95601890afd80709").empty());  // a hash has no capital letters
  const std::string long_term = "ABSK" + std::string(60, 'Q') + "==";
  CHECK(aws_keys("key=" + long_term + " x") == Texts{long_term});
  CHECK(aws_keys("bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t x") ==
        Texts{"bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t"});
  const std::string token = "IQoJb3JpZ2luX2VjE" + std::string(200, 'a') + "/+=";
  CHECK(aws_keys("AWS_SESSION_TOKEN=" + token + "\n") == Texts{token});
  CHECK(aws_keys("?X-Amz-Signature=0123abcd&x-amz-security-token=Fw%2Bo&X-Amz-Date=1") == Texts{"0123abcd", "Fw%2Bo"});
}

TEST_CASE("what is made to be slow to search is not") {
  const auto begin = std::chrono::steady_clock::now();
  std::string many;
  for (int i = 0; i < 200'000; ++i) many += "4 1@A=";
  emails(many);
  cards(many);
  aws_keys(many);
  cards(std::string(1 << 20, '4'));
  std::string spaced;
  for (int i = 0; i < 500'000; ++i) spaced += "4 ";
  cards(spaced);
  emails(std::string(1 << 20, '@'));
  emails(std::string(1 << 20, 'a') + "@" + std::string(1 << 20, 'b'));
  aws_keys(std::string(1 << 20, 'A'));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(30));
}
