#include "app/client_environment.h"

#include <algorithm>
#include <map>
#include <string>

#include "catch.h"

using namespace borehole;

namespace {

const app::TrustFiles files{"/c/ca.pem", "/c/bundle.pem", "/c/trust.p12"};

app::LookUp holding(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

std::string value(const app::Variables& variables, const std::string& name) {
  const auto found =
      std::find_if(variables.begin(), variables.end(), [&](const auto& one) { return one.first == name; });
  REQUIRE(found != variables.end());
  return found->second;
}

std::string java(const app::LookUp& previous, const app::TrustFiles& trusted = files) {
  return value(app::client_environment({"127.0.0.1", 5380}, trusted, previous), "JAVA_TOOL_OPTIONS");
}

constexpr const char* direct =
    "localhost,127.0.0.1,::1,169.254.169.254,169.254.170.2,169.254.170.23,fd00:ec2::254,fd00:ec2::23";

}  // namespace

TEST_CASE("a client's environment is exactly this") {
  const std::string url = "http://127.0.0.1:5380";
  const app::Variables expected{
      {"HTTPS_PROXY", url},
      {"https_proxy", url},
      {"HTTP_PROXY", url},
      {"http_proxy", url},
      {"NO_PROXY", direct},
      {"no_proxy", direct},
      {"AWS_CA_BUNDLE", "/c/bundle.pem"},
      {"REQUESTS_CA_BUNDLE", "/c/bundle.pem"},
      {"SSL_CERT_FILE", "/c/bundle.pem"},
      {"CURL_CA_BUNDLE", "/c/bundle.pem"},
      {"NODE_EXTRA_CA_CERTS", "/c/ca.pem"},
      {"DENO_CERT", "/c/ca.pem"},
      {"NODE_USE_ENV_PROXY", "1"},
      {"JAVA_TOOL_OPTIONS",
       "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=5380 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=5380 "
       "-Dhttp.nonProxyHosts=localhost|127.*|[::1]|169.254.169.254|169.254.170.2|169.254.170.23|[fd00:ec2::254]|"
       "[fd00:ec2::23] -Djavax.net.ssl.trustStore=/c/trust.p12 -Djavax.net.ssl.trustStorePassword=changeit "
       "-Djavax.net.ssl.trustStoreType=PKCS12"},
  };
  CHECK(app::client_environment({"127.0.0.1", 5380}, files, holding({})) == expected);
}

TEST_CASE("a proxy on an IPv6 address is written in brackets") {
  const auto variables = app::client_environment({"::1", 5380}, files, holding({}));
  CHECK(value(variables, "HTTPS_PROXY") == "http://[::1]:5380");
  CHECK(value(variables, "JAVA_TOOL_OPTIONS").find("-Dhttps.proxyHost=::1 ") != std::string::npos);
}

TEST_CASE("what NO_PROXY named before stays, of both spellings, each once") {
  const auto variables = app::client_environment(
      {"127.0.0.1", 5380}, files,
      holding({{"NO_PROXY", ".corp.example, Localhost"}, {"no_proxy", "10.0.0.0/8 db.example,.corp.example"}}));
  CHECK(value(variables, "NO_PROXY") ==
        ".corp.example,Localhost,10.0.0.0/8,db.example,127.0.0.1,::1,169.254.169.254,169.254.170.2,169.254.170.23,"
        "fd00:ec2::254,fd00:ec2::23");
  CHECK(value(variables, "no_proxy") == value(variables, "NO_PROXY"));
  const auto again = app::client_environment({"127.0.0.1", 5380}, files, holding({variables.begin(), variables.end()}));
  CHECK(again == variables);
}

TEST_CASE("Java's hosts are those of NO_PROXY in its own patterns") {
  const auto options =
      java(holding({{"NO_PROXY", ".corp.example,db.example,10.1.2.3,10.0.0.0/8,h:8080,*.x.example,a'b"}}));
  CHECK(options.find("nonProxyHosts=*.corp.example|db.example|*.db.example|10.1.2.3|*.x.example|localhost|127.*|") !=
        std::string::npos);
}

TEST_CASE("options that Java was given before stay; ours replace those of the same name") {
  const auto options = java(holding(
      {{"JAVA_TOOL_OPTIONS", "-Xmx1g  '-Dname=two words' -Dhttps.proxyHost=old \"-Djavax.net.ssl.trustStore=/a b\""}}));
  CHECK(options.starts_with("-Xmx1g '-Dname=two words' -Dhttp.proxyHost="));
  CHECK(options.find("old") == std::string::npos);
  CHECK(options.find("/a b") == std::string::npos);
  CHECK(java(holding({{"JAVA_TOOL_OPTIONS", options}})) == options);
}

TEST_CASE("Java's options are quoted as the virtual machine reads them") {
  CHECK(java(holding({}), {"/c", "/b", "/my folder/trust.p12"})
            .find(" \"-Djavax.net.ssl.trustStore=/my folder/trust.p12\" ") != std::string::npos);
  CHECK(java(holding({}), {"/c", "/b", "/a\"b'c/t"}).find(" \"-Djavax.net.ssl.trustStore=/a\"'\"b'\"'c/t\" ") !=
        std::string::npos);
  CHECK(java(holding({}), {"/c", "/b", "/a'b/t"}).find(" \"-Djavax.net.ssl.trustStore=/a'b/t\" ") != std::string::npos);
}

TEST_CASE("without a trust store Java is told of none") {
  CHECK(java(holding({}), {"/c", "/b", ""}).find("trustStore") == std::string::npos);
}

TEST_CASE("clients reach a proxy at loopback where it listens there, else at its first address") {
  using Listen = std::vector<config::HostPort>;
  CHECK(app::reachable(Listen{{"127.0.0.1", 1}}) == config::HostPort{"127.0.0.1", 1});
  CHECK(app::reachable(Listen{{"10.0.0.1", 1}, {"::1", 2}}) == config::HostPort{"::1", 2});
  CHECK(app::reachable(Listen{{"0.0.0.0", 1}}) == config::HostPort{"127.0.0.1", 1});
  CHECK(app::reachable(Listen{{"::", 1}}) == config::HostPort{"::1", 1});
  CHECK(app::reachable(Listen{{"10.0.0.1", 1}, {"10.0.0.2", 2}}) == config::HostPort{"10.0.0.1", 1});
}

TEST_CASE("printed addresses are read again") {
  for (const config::HostPort& address : {config::HostPort{"127.0.0.1", 5380}, config::HostPort{"::1", 65535}}) {
    CHECK(app::parse_printed(app::to_string(address)) == address);
  }
  for (const char* wrong : {"", "127.0.0.1", ":1", "a:", "a:x", "a:65536", "a:1 "}) {
    CAPTURE(wrong);
    CHECK_FALSE(app::parse_printed(wrong));
  }
}

TEST_CASE("entries of NO_PROXY that keep Bedrock away from a proxy are found") {
  for (const char* entry : {"*", "amazonaws.com", ".amazonaws.com", "*.AmazonAWS.com", ".api.aws",
                            "bedrock-runtime.us-east-1.amazonaws.com", "bedrock.eu-west-1.amazonaws.com", ".com"}) {
    CAPTURE(entry);
    CHECK(app::bypass_of_bedrock(std::string("localhost, ") + entry + ",x") == entry);
  }
  for (const char* entry : {"", "localhost", "s3.amazonaws.com", "example.com", "zonaws.com", direct}) {
    CAPTURE(entry);
    CHECK(app::bypass_of_bedrock(entry).empty());
  }
}
