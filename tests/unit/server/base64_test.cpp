#include "server/base64.h"

#include "catch.h"

using borehole::server::base64;

TEST_CASE("the vectors of RFC 4648 section 10") {
  CHECK(base64("").empty());
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
}

TEST_CASE("octets of every kind are encoded") {
  CHECK(base64({"\x00\xFF\xFE", 3}) == "AP/+");
  CHECK(base64({"\xFB\xEF\xBE", 3}) == "++++");
  CHECK(base64({"\x00", 1}) == "AA==");
}
