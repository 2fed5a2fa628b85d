#include "app/doctor/probe_environment.h"

#include <algorithm>
#include <string>

#include "app/child_process.h"
#include "catch.h"

using namespace borehole;
using namespace borehole::app::doctor;

namespace {

ProbeWorld world(Environment shell, bool of_shell = true) {
  ProbeWorld out;
  out.shell = std::move(shell);
  out.of_shell = of_shell;
  out.proxies = {{"127.0.0.1", 5380}};
  out.private_proxy = {"127.0.0.1", 40'000};
  out.files = {"/c/ca.pem", "/c/bundle.pem", ""};
  return out;
}

}  // namespace

TEST_CASE("what leads to the proxy leads to the private one; all else stays") {
  const auto made = probe_environment(world({{"HTTPS_PROXY", "http://a:b@localhost:5380/"},
                                             {"https_proxy", "http://proxy.corp:8080"},
                                             {"NO_PROXY", "x.test"},
                                             {"AWS_CA_BUNDLE", "/mine.pem"},
                                             {"JAVA_TOOL_OPTIONS",
                                              "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=5380 "
                                              "-Dhttp.proxyPort=8080"}}),
                                      "us-probe-1");
  CHECK(made.at("HTTPS_PROXY") == "http://a:b@127.0.0.1:40000/");
  CHECK(made.at("https_proxy") == "http://proxy.corp:8080");
  CHECK(made.at("NO_PROXY") == "x.test");
  CHECK(made.at("AWS_CA_BUNDLE") == "/mine.pem");
  CHECK(made.at("JAVA_TOOL_OPTIONS") == "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=40000 -Dhttp.proxyPort=8080");
  CHECK(made.at("AWS_REGION") == "us-probe-1");
  CHECK(made.at("AWS_DEFAULT_REGION") == "us-probe-1");
}

TEST_CASE("otherwise it is what `borehole env` sets") {
  const auto made = probe_environment(world({{"HTTPS_PROXY", "http://proxy.corp:8080"}, {"PATH", "/bin"}}, false), "r");
  CHECK(made.at("HTTPS_PROXY") == "http://127.0.0.1:40000");
  CHECK(made.at("AWS_CA_BUNDLE") == "/c/bundle.pem");
  CHECK(made.at("NODE_EXTRA_CA_CERTS") == "/c/ca.pem");
  CHECK(made.at("PATH") == "/bin");
}

TEST_CASE("no real credential and no configured endpoint gets through") {
  for (const bool of_shell : {true, false}) {
    const auto made = probe_environment(world({{"AWS_ACCESS_KEY_ID", "AKIAREAL"},
                                               {"AWS_SECRET_ACCESS_KEY", "real"},
                                               {"AWS_SESSION_TOKEN", "real"},
                                               {"AWS_BEARER_TOKEN_BEDROCK", "real"},
                                               {"ANTHROPIC_API_KEY", "real"},
                                               {"AWS_ENDPOINT_URL", "http://real"},
                                               {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://real"},
                                               {"ANTHROPIC_BEDROCK_BASE_URL", "http://real"}},
                                              of_shell),
                                        "r");
    for (const auto& pair : as_list(made)) {
      CAPTURE(pair);
      CHECK(pair.find("real") == std::string::npos);
      CHECK(pair.find("AKIAREAL") == std::string::npos);
    }
    CHECK(made.at("AWS_EC2_METADATA_DISABLED") == "true");
    CHECK(made.at("AWS_MAX_ATTEMPTS") == "1");
  }
}

TEST_CASE("a child has the environment that it is given, and no other") {
  app::ChildCommand command;
  command.arguments = {"/usr/bin/env"};
  command.environment = as_list({{"A", "b=c"}, {"D", ""}});
  const auto outcome = app::run_child(command);
  REQUIRE(outcome);
  CHECK(outcome->out == "A=b=c\nD=\n");
  command.environment = std::vector<std::string>();
  CHECK(app::run_child(command)->out.empty());
  command.environment.reset();
  CHECK(app::run_child(command)->out.find("PATH=") != std::string::npos);
}
