#include "bedrock/hosts.h"

#include <algorithm>
#include <string>
#include <vector>

#include "catch.h"

using namespace borehole::bedrock;

namespace {

struct Case {
  std::string host;
  std::string service;
  std::string region;
  std::string partition;
  bool fips = false;
  bool dual_stack = false;
  bool vpc = false;
};

const std::vector<Case> kEndpoints{
    {"bedrock-runtime.us-east-1.amazonaws.com", "bedrock-runtime", "us-east-1", "aws"},
    {"BEDROCK-Runtime.US-East-1.AmazonAWS.com", "bedrock-runtime", "us-east-1", "aws"},
    {"bedrock.eu-central-1.amazonaws.com.", "bedrock", "eu-central-1", "aws"},
    {"bedrock-runtime.us-east-1.amazonaws.com:443", "bedrock-runtime", "us-east-1", "aws"},
    {"bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "bedrock-runtime", "us-gov-west-1", "aws-us-gov", true},
    {"bedrock-fips.ca-central-1.amazonaws.com", "bedrock", "ca-central-1", "aws", true},
    {"bedrock-agent-runtime.ap-northeast-1.api.aws", "bedrock-agent-runtime", "ap-northeast-1", "aws", false, true},
    {"bedrock-runtime-fips.us-east-2.api.aws", "bedrock-runtime", "us-east-2", "aws", true, true},
    {"bedrock-mantle.us-east-1.api.aws", "bedrock-mantle", "us-east-1", "aws", false, true},
    {"bedrock-mantle.eusc-de-east-1.amazonaws.com", "bedrock-mantle", "eusc-de-east-1", "aws-eusc"},
    {"bedrock-agentcore-control.us-west-2.amazonaws.com", "bedrock-agentcore-control", "us-west-2", "aws"},
    {"bedrock-runtime.cn-north-1.amazonaws.com.cn", "bedrock-runtime", "cn-north-1", "aws-cn"},
    {"bedrock-runtime.cn-north-1.api.amazonwebservices.com.cn", "bedrock-runtime", "cn-north-1", "aws-cn", false, true},
    {"bedrock-runtime.eusc-de-east-1.amazonaws.eu", "bedrock-runtime", "eusc-de-east-1", "aws-eusc"},
    {"bedrock-runtime.eusc-de-east-1.api.amazonwebservices.eu", "bedrock-runtime", "eusc-de-east-1", "aws-eusc", false,
     true},
    {"bedrock-runtime.us-iso-east-1.c2s.ic.gov", "bedrock-runtime", "us-iso-east-1", "aws-iso"},
    {"bedrock-runtime.us-iso-east-1.api.aws.ic.gov", "bedrock-runtime", "us-iso-east-1", "aws-iso", false, true},
    {"bedrock-runtime.us-isob-east-1.sc2s.sgov.gov", "bedrock-runtime", "us-isob-east-1", "aws-iso-b"},
    {"bedrock-runtime.us-isob-east-1.api.aws.scloud", "bedrock-runtime", "us-isob-east-1", "aws-iso-b", false, true},
    {"bedrock-runtime.eu-isoe-west-1.cloud.adc-e.uk", "bedrock-runtime", "eu-isoe-west-1", "aws-iso-e"},
    {"bedrock-runtime.eu-isoe-west-1.api.cloud-aws.adc-e.uk", "bedrock-runtime", "eu-isoe-west-1", "aws-iso-e", false,
     true},
    {"bedrock-runtime.us-isof-south-1.csp.hci.ic.gov", "bedrock-runtime", "us-isof-south-1", "aws-iso-f"},
    {"bedrock-runtime.us-isof-south-1.api.aws.hci.ic.gov", "bedrock-runtime", "us-isof-south-1", "aws-iso-f", false,
     true},
    {"vpce-0a1b2c-d3e4f5.bedrock-runtime.us-east-1.vpce.amazonaws.com", "bedrock-runtime", "us-east-1", "aws", false,
     false, true},
    {"vpce-0a1b2c-d3e4f5-us-east-1a.bedrock-runtime-fips.us-east-1.vpce.amazonaws.com", "bedrock-runtime", "us-east-1",
     "aws", true, false, true},
    {"vpce-0a-d3.bedrock.cn-north-1.vpce.amazonaws.com.cn", "bedrock", "cn-north-1", "aws-cn", false, false, true},
};

}  // namespace

TEST_CASE("endpoints of every partition, FIPS, dual-stack and VPC are read, and the default patterns cover them") {
  for (const Case& expected : kEndpoints) {
    CAPTURE(expected.host);
    const auto endpoint = parse_endpoint(expected.host);
    REQUIRE(endpoint);
    CHECK(endpoint->service == expected.service);
    CHECK(endpoint->region == expected.region);
    CHECK(endpoint->partition == expected.partition);
    CHECK(endpoint->fips == expected.fips);
    CHECK(endpoint->dual_stack == expected.dual_stack);
    CHECK(endpoint->vpc == expected.vpc);
    CHECK(matches(default_intercept_patterns(), expected.host));
  }
}

TEST_CASE("other hosts are no endpoints, and the default patterns leave them alone") {
  for (const char* host : {"",
                           ".",
                           "amazonaws.com",
                           "bedrock-runtime",
                           "bedrock-runtime.amazonaws.com",
                           "s3.us-east-1.amazonaws.com",
                           "bedrock-logs.s3.amazonaws.com",
                           "bedrock-logs.s3.us-east-1.amazonaws.com",
                           "sts.amazonaws.com",
                           "bedrock-runtime.us-east-1.amazonaws.com.evil.example",
                           "bedrock-runtime.us-east-1.evilamazonaws.com",
                           "bedrock-runtime.us-east-1.amazonaws.org",
                           "xbedrock-runtime.us-east-1.amazonaws.com",
                           "bedrock-runtime..amazonaws.com",
                           "bedrock-runtime.us-east-1.amazonaws.com..",
                           "127.0.0.1",
                           "[::1]:443",
                           "::1",
                           "api.anthropic.com",
                           "vpce-1.bedrock-runtime.us-east-1.amazonaws.com",
                           "other-1.bedrock-runtime.us-east-1.vpce.amazonaws.com",
                           "vpce-1-2.bedrock-runtime.us-east-1.vpce.api.aws"}) {
    CAPTURE(host);
    CHECK(!parse_endpoint(host));
    CHECK(!matches(default_intercept_patterns(), host));
  }
  CHECK(!parse_endpoint(std::string(300, 'a') + ".us-east-1.amazonaws.com"));
  CHECK(!matches(default_intercept_patterns(), "bedrock" + std::string(300, 'a') + ".us-east-1.amazonaws.com"));
}

TEST_CASE("a star stays within its label") {
  const auto pattern = [](std::string_view text) {
    auto parsed = HostPattern::parse(text);
    REQUIRE(parsed);
    return *parsed;
  };
  CHECK(pattern("bedrock*.*.amazonaws.com").matches("bedrock.us-east-1.amazonaws.com"));
  CHECK(pattern("bedrock*.*.amazonaws.com").matches("bedrock-x.us-east-1.AMAZONAWS.com."));
  CHECK(!pattern("bedrock*.*.amazonaws.com").matches("bedrock.a.b.amazonaws.com"));
  CHECK(!pattern("bedrock*.*.amazonaws.com").matches("bedrock.amazonaws.com"));
  CHECK(!pattern("*.example.com").matches("example.com"));
  CHECK(!pattern("*.example.com").matches(".example.com"));
  CHECK(pattern("*").matches("localhost"));
  CHECK(!pattern("*").matches("a.b"));
  CHECK(!pattern("*").matches(""));
  CHECK(pattern("a*b*c.d").matches("abbbc.d"));
  CHECK(pattern("a*bc.d").matches("abcbc.d"));
  CHECK(!pattern("a*bc.d").matches("abcb.d"));
  CHECK(pattern("Exact.Example.").matches("exact.example"));
  CHECK(!pattern("exact.example").matches("exact.example.org"));
  CHECK(pattern("127.0.0.1").matches("127.0.0.1"));
}

TEST_CASE("what is no host pattern is refused with its reason") {
  for (const char* text : {"", ".", "a..b", ".a", "https://a.b", "a.b/c", "a.b:443", "a b", "ä.example"}) {
    CAPTURE(text);
    const auto pattern = HostPattern::parse(text);
    REQUIRE(!pattern);
    CHECK(pattern.error().code == borehole::ErrorCode::config_invalid);
    CHECK(pattern.error().detail.find("host pattern") == 0);
  }
}

TEST_CASE(
    "every default pattern lies within a constraint domain, and the domains are told apart from what they are not") {
  const auto domains = constraint_domains();
  for (const HostPattern& pattern : default_intercept_patterns()) {
    CAPTURE(pattern.text());
    CHECK(std::any_of(domains.begin(), domains.end(),
                      [&](std::string_view domain) { return pattern.is_within(domain); }));
  }
  for (const std::string_view domain : domains) {
    CAPTURE(domain);
    CHECK(std::none_of(domains.begin(), domains.end(), [&](std::string_view other) {
      return other != domain && HostPattern::parse(domain)->is_within(other);
    }));
  }
  CHECK(HostPattern::parse("*.amazonaws.com")->is_within("AmazonAWS.com"));
  CHECK(!HostPattern::parse("*amazonaws.com")->is_within("amazonaws.com"));
  CHECK(!HostPattern::parse("*.com")->is_within("amazonaws.com"));
  CHECK(!HostPattern::parse("bedrock.internal.example")->is_within("amazonaws.com"));
}
