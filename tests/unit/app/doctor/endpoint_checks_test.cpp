#include "app/doctor/endpoint_checks.h"

#include <string>

#include "catch.h"

using namespace borehole;
using namespace borehole::app::doctor;

namespace {

using Regions = std::vector<std::string>;
constexpr WallTime now{std::chrono::days(20'000)};

ReadFile file(const std::string& wanted, const std::string& text) {
  return [=](const std::string& path) { return path == wanted ? std::optional(text) : std::nullopt; };
}

Visit failing(ErrorCode code, const std::string& detail) {
  Visit visit;
  visit.error = Error{code, Fault::upstream, detail};
  return visit;
}

Visit answering(std::chrono::seconds ahead = {}) {
  Visit visit;
  visit.status = 403;
  visit.address = "192.0.2.1:443";
  visit.tls_version = "TLSv1.3";
  visit.date = now;
  visit.answered = now + ahead;
  return visit;
}

const std::vector<Endpoint> one{{{"bedrock-runtime.us-east-1.amazonaws.com"}, true}};
const std::vector<Endpoint> control{{{"bedrock.us-east-1.amazonaws.com"}, false}};

Finding judged(const Visit& visit, const Environment& environment = {}, const config::Config& config = {}) {
  const auto findings = judge_endpoints(one, {visit}, config, environment);
  REQUIRE(findings.size() == 1);
  return findings.front();
}

}  // namespace

TEST_CASE("the region: variables first, then the profile's") {
  const auto none = file("", "");
  CHECK(regions_of({{"AWS_REGION", "eu-west-1"}}, none) == Regions{"eu-west-1"});
  CHECK(regions_of({{"AWS_REGION", "eu-west-1"}, {"AWS_DEFAULT_REGION", "us-east-1"}}, none) ==
        Regions{"eu-west-1", "us-east-1"});
  CHECK(regions_of({{"AWS_REGION", "eu-west-1"}, {"AWS_DEFAULT_REGION", "eu-west-1"}}, none) == Regions{"eu-west-1"});
  CHECK(regions_of({{"AWS_REGION", "no region/at all"}}, none).empty());
  const std::string text = "# x\n[default]\noutput = json\nregion=ap-south-1\n\n[profile work]\n region = us-west-2 \n";
  CHECK(regions_of({{"HOME", "/h"}}, file("/h/.aws/config", text)) == Regions{"ap-south-1"});
  CHECK(regions_of({{"HOME", "/h"}, {"AWS_PROFILE", "work"}}, file("/h/.aws/config", text)) == Regions{"us-west-2"});
  CHECK(regions_of({{"AWS_CONFIG_FILE", "/f"}}, file("/f", text)) == Regions{"ap-south-1"});
  CHECK(regions_of({{"AWS_CONFIG_FILE", "/f"}, {"AWS_PROFILE", "gone"}}, file("/f", text)).empty());
}

TEST_CASE("endpoints: each region's, and the routers', once") {
  config::Config config;
  config::Router router;
  router.path = "/service/standard/";
  router.scheme = "https";
  router.upstream = config::HostPort{"bedrock-runtime.us-east-1.amazonaws.com", 443};
  config.routers = {config::Router{}, router};
  const auto found = endpoints_of(config, {"us-east-1", "cn-north-1"});
  std::vector<std::string> hosts;
  for (const auto& endpoint : found) hosts.push_back(endpoint.target.host);
  CHECK(hosts == std::vector<std::string>{"bedrock-runtime.us-east-1.amazonaws.com",
                                          "bedrock-runtime.cn-north-1.amazonaws.com.cn",
                                          "bedrock.us-east-1.amazonaws.com", "bedrock.cn-north-1.amazonaws.com.cn"});
  CHECK(found.front().needed);
  CHECK_FALSE(found.back().needed);
  config.routers.back().scheme = "http";
  CHECK_FALSE(endpoints_of(config, {}).front().target.tls);
}

TEST_CASE("an endpoint that answers is in order, whatever it answers") {
  const Finding finding = judged(answering());
  CHECK(finding.state == State::ok);
  CHECK(finding.id == "endpoint.bedrock-runtime.us-east-1.amazonaws.com");
  CHECK(finding.detail.find("TLSv1.3") != std::string::npos);
}

TEST_CASE("an endpoint that cannot be reached: the error, and a line to type") {
  Finding finding = judged(failing(ErrorCode::dns_failed, "the name was not found"));
  CHECK(finding.state == State::mend);
  CHECK(finding.detail.starts_with("the name was not found"));
  CHECK(finding.remedy == "getent hosts bedrock-runtime.us-east-1.amazonaws.com");
  finding = judged(failing(ErrorCode::connect_timeout, "no connection"));
  CHECK(finding.remedy.starts_with("curl -v"));
  finding = judged(failing(ErrorCode::certificate_rejected, "unknown issuer; add that root to upstream.ca_files"));
  CHECK(finding.remedy.find("upstream.ca_files=[") != std::string::npos);
  finding = judged(failing(ErrorCode::certificate_rejected, "it has expired"));
  CHECK(finding.remedy.starts_with("openssl s_client"));
  finding = judged(failing(ErrorCode::upstream_proxy_refused, "407"));
  CHECK(finding.remedy.find("NAME:PASSWORD") != std::string::npos);
  finding = judged(failing(ErrorCode::address_not_allowed, "this machine"));
  CHECK(finding.remedy.find("upstream.resolve=") != std::string::npos);
}

TEST_CASE("a proxy that the shell knows and borehole does not is the remedy") {
  const Environment corporate{{"HTTPS_PROXY", "http://proxy.corp:8080"}};
  for (const auto code : {ErrorCode::dns_failed, ErrorCode::connect_failed}) {
    CHECK(judged(failing(code, "x"), corporate).remedy == "borehole --set upstream.proxy=\"$HTTPS_PROXY\"");
    CHECK(judged(failing(code, "x"), {{"HTTPS_PROXY", "http://127.0.0.1:5380"}}).remedy.find("upstream.proxy") ==
          std::string::npos);
  }
  config::Config config;
  config.upstream.proxy = config::UpstreamProxy{{"proxy.corp", 8080}, "", ""};
  CHECK(judged(failing(ErrorCode::dns_failed, "x"), corporate, config).remedy.starts_with("getent"));
}

TEST_CASE("the control plane is only looked at; no region, too") {
  CHECK(judge_endpoints(control, {failing(ErrorCode::dns_failed, "x")}, {}, {}).front().state == State::look);
  const auto none = judge_endpoints({}, {}, {}, {});
  REQUIRE(none.size() == 1);
  CHECK(none.front().state == State::look);
  CHECK(none.front().remedy.find("AWS_REGION=") != std::string::npos);
}

TEST_CASE("the clock: five minutes are what Amazon tolerates") {
  const auto clock = [](std::chrono::seconds ahead) { return *judge_clock(one, {answering(ahead)}); };
  CHECK(clock(std::chrono::seconds(2)).state == State::ok);
  CHECK(clock(std::chrono::minutes(3)).state == State::look);
  CHECK(clock(std::chrono::minutes(6)).state == State::mend);
  CHECK(clock(std::chrono::minutes(6)).detail.find("6 min ahead") != std::string::npos);
  CHECK(clock(-std::chrono::hours(3)).detail.find("3 h behind") != std::string::npos);
  CHECK(clock(-std::chrono::hours(3)).state == State::mend);
}

TEST_CASE("the clock is believed where one of the servers agrees, and unknown where none tells") {
  const std::vector<Endpoint> two{one.front(), control.front()};
  CHECK(judge_clock(two, {answering(std::chrono::hours(1)), answering()})->state == State::ok);
  CHECK_FALSE(judge_clock(one, {failing(ErrorCode::dns_failed, "x")}));
  Visit silent = answering();
  silent.date.reset();
  CHECK_FALSE(judge_clock(one, {silent}));
}
