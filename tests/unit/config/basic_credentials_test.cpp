#include "config/basic_credentials.h"

#include <string>

#include "catch.h"

using namespace borehole::config;

namespace {

std::optional<std::string> decoded(std::string_view text, std::size_t capacity = 64) {
  std::string out(capacity, '?');
  const auto size = decode_base64(text, out.data(), capacity);
  if (!size) return std::nullopt;
  return out.substr(0, *size);
}

}  // namespace

TEST_CASE("base64 decodes the vectors of RFC 4648 section 10") {
  CHECK(decoded("") == "");
  CHECK(decoded("Zg==") == "f");
  CHECK(decoded("Zm8=") == "fo");
  CHECK(decoded("Zm9v") == "foo");
  CHECK(decoded("Zm9vYg==") == "foob");
  CHECK(decoded("Zm9vYmE=") == "fooba");
  CHECK(decoded("Zm9vYmFy") == "foobar");
  CHECK(decoded("+/+/") == "\xfb\xff\xbf");
}

TEST_CASE("base64 with anything that a lenient decoder would forgive is refused") {
  for (const auto* text : {"Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zh==", "Zm9=", "Zm8=Zm8=", "Zm 8", "Zm8\n",
                           "Zm8-", "Zm8_", "Zg=a"}) {
    CAPTURE(text);
    CHECK_FALSE(decoded(text).has_value());
  }
}

TEST_CASE("base64 never writes past its room") {
  CHECK(decoded("Zm9v", 3) == "foo");
  CHECK_FALSE(decoded("Zm9v", 2).has_value());
  CHECK(decoded("Zm8=", 2) == "fo");
}

TEST_CASE("Basic credentials come apart at the first colon") {
  const BasicCredentials credentials("Basic dXNlcjpwYTpzcw==");
  REQUIRE(credentials.well_formed());
  CHECK(credentials.user() == "user");
  CHECK(std::string(credentials.password()) == "pa:ss");
  CHECK(credentials.both() == "user:pa:ss");
  CHECK(BasicCredentials("bAsIc   dXNlcjpwYXNz").well_formed());
  CHECK(BasicCredentials("Basic dXNlcjo=").well_formed());  // an empty password
}

TEST_CASE("Basic credentials that are none are refused") {
  CHECK_FALSE(BasicCredentials("").well_formed());
  CHECK_FALSE(BasicCredentials("Basic").well_formed());
  CHECK_FALSE(BasicCredentials("Basic ").well_formed());
  CHECK_FALSE(BasicCredentials("Bearer dXNlcjpwYXNz").well_formed());
  CHECK_FALSE(BasicCredentials("BasicdXNlcjpwYXNz").well_formed());
  CHECK_FALSE(BasicCredentials("Basic dXNlcjpwYXNz ").well_formed());
  CHECK_FALSE(BasicCredentials("Basic dXNlcg==").well_formed());          // "user", no colon
  CHECK_FALSE(BasicCredentials("Basic OnBhc3M=").well_formed());          // ":pass"
  CHECK_FALSE(BasicCredentials("Basic dXNlcjpwYQBzcw==").well_formed());  // a NUL would cut the password short
  // 512 octets fit, 515 do not.
  std::string longest = "dXNl";
  for (int i = 0; i < 168; ++i) longest += "dXNl";
  CHECK(BasicCredentials("Basic " + longest + "dTpw" + "cA==").both().size() == 511);
  CHECK_FALSE(BasicCredentials("Basic " + longest + "dTpw" + "cHBwcHBw").well_formed());
}
