#include "ca/name_constraints.h"

#include <string>

#include "catch.h"

using namespace borehole;
using ca::permits;

TEST_CASE("a domain permits itself and all below it, and nothing that only looks alike") {
  const ca::NameConstraints constraints{{"amazonaws.com", "localhost"}, {}};
  CHECK(permits(constraints, "amazonaws.com"));
  CHECK(permits(constraints, "bedrock-runtime.us-east-1.amazonaws.com"));
  CHECK(permits(constraints, "A.AmazonAWS.com."));
  CHECK(permits(constraints, "localhost"));
  CHECK(permits(constraints, "under_score.localhost"));
  CHECK_FALSE(permits(constraints, "notamazonaws.com"));
  CHECK_FALSE(permits(constraints, "amazonaws.com.evil.example"));
  CHECK_FALSE(permits(constraints, "com"));
  CHECK_FALSE(permits(constraints, "127.0.0.1"));
  for (const char* name : {"", ".", ".amazonaws.com", "a..amazonaws.com", "*.amazonaws.com", "a b.amazonaws.com"}) {
    CAPTURE(name);
    CHECK_FALSE(permits(constraints, name));
  }
  CHECK_FALSE(permits(constraints, std::string("evil.example\0.amazonaws.com", 27)));
  CHECK_FALSE(permits(constraints, std::string(64, 'a') + ".amazonaws.com"));
}

TEST_CASE("a range permits the addresses in it, of its own family") {
  const ca::NameConstraints constraints{{"localhost"}, {"127.0.0.0/8", "10.1.2.3", "fd00::/9", "::1/128"}};
  CHECK(permits(constraints, "127.0.0.1"));
  CHECK(permits(constraints, "127.255.255.255"));
  CHECK_FALSE(permits(constraints, "128.0.0.0"));
  CHECK(permits(constraints, "10.1.2.3"));
  CHECK_FALSE(permits(constraints, "10.1.2.4"));
  CHECK(permits(constraints, "fd7f::1"));
  CHECK_FALSE(permits(constraints, "fd80::1"));
  CHECK(permits(constraints, "::1"));
  CHECK(permits(constraints, "[::1]"));
  CHECK(permits(constraints, "0:0:0:0:0:0:0:1"));
  CHECK_FALSE(permits(constraints, "::ffff:127.0.0.1"));
  CHECK_FALSE(permits({{}, {"0.0.0.0/0"}}, "::1"));
  CHECK(permits({{}, {"0.0.0.0/0"}}, "8.8.8.8"));
}

TEST_CASE("constraints that say nothing, or no name, are refused by name") {
  CHECK_FALSE(ca::encode_constraints({}).has_value());
  for (const char* dns : {"", ".", "*.amazonaws.com", "a b", "127.0.0.1"}) {
    CAPTURE(dns);
    const auto encoded = ca::encode_constraints({{dns}, {}});
    REQUIRE_FALSE(encoded.has_value());
    CHECK(encoded.error().code == ErrorCode::config_invalid);
    CHECK(encoded.error().detail.find(dns) != std::string::npos);
  }
  for (const char* ip : {"", "localhost", "127.0.0.1/33", "::1/129", "127.0.0.1/", "127.0.0.1/8x", "1.2.3/8"}) {
    CAPTURE(ip);
    const auto encoded = ca::encode_constraints({{}, {ip}});
    REQUIRE_FALSE(encoded.has_value());
    CHECK(encoded.error().detail.find(ip) != std::string::npos);
  }
}
