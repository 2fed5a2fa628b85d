#include "app/doctor/sdk_checks.h"

#include <string>

#include "app/doctor/go_checks.h"
#include "app/doctor/trust_checks.h"
#include "catch.h"

using namespace borehole;
using namespace borehole::app::doctor;

namespace {

SdkReport report(SdkKind kind, Attempt attempt, bool of_shell = true) {
  SdkReport out;
  out.kind = kind;
  out.name = "an SDK";
  out.place = "/usr/bin/python3";
  out.of_shell = of_shell;
  out.attempt = std::move(attempt);
  return out;
}

const Attempt through{{true, true}, "", false};
const Attempt no_trust{{true, false}, "SSLError: CERTIFICATE_VERIFY_FAILED", false};
const Attempt past{{false, false}, "EndpointConnectionError: Could not connect to the endpoint URL", false};

Finding only(const SdkReport& given) {
  const auto findings = judge_sdk(given, "/c");
  REQUIRE(findings.size() == 1);
  return findings.front();
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a call that came through, whatever the SDK thought of the answer") {
  for (const auto kind : {SdkKind::python, SdkKind::cli, SdkKind::javascript, SdkKind::anthropic, SdkKind::java}) {
    CHECK(only(report(kind, through)).state == State::ok);
    CHECK(only(report(kind, {{true, true}, "ResponseParserError", false})).state == State::ok);
  }
  CHECK(holds(only(report(SdkKind::python, through)).detail, "as this shell is set"));
  CHECK(holds(only(report(SdkKind::python, through, false)).detail, "borehole env"));
}

TEST_CASE("an SDK that does not trust the CA is told its variable") {
  CHECK(only(report(SdkKind::python, no_trust)).state == State::mend);
  CHECK(only(report(SdkKind::python, no_trust)).remedy == "export AWS_CA_BUNDLE=/c/bundle.pem");
  CHECK(only(report(SdkKind::cli, no_trust)).remedy == "export AWS_CA_BUNDLE=/c/bundle.pem");
  CHECK(only(report(SdkKind::anthropic, no_trust)).remedy == "export NODE_EXTRA_CA_CERTS=/c/ca.pem");
  CHECK(holds(only(report(SdkKind::java, no_trust)).remedy, "borehole env"));
  // The proxy's certificate was seen, though the proxy saw nobody yet.
  const Attempt unseen{{false, false}, "PKIX path building failed", false};
  CHECK(holds(only(report(SdkKind::java, unseen)).detail, "does not trust the CA"));
}

TEST_CASE("an SDK that goes past the proxy") {
  CHECK(only(report(SdkKind::python, past)).state == State::mend);
  CHECK(holds(only(report(SdkKind::python, past)).detail, "goes past the proxy"));
  CHECK(holds(only(report(SdkKind::python, past)).remedy, "borehole env"));
  CHECK(only(report(SdkKind::python, past, false)).remedy == "unset NO_PROXY no_proxy");
  // Whoever answered it was not the proxy.
  CHECK(only(report(SdkKind::python, Attempt{})).state == State::mend);
  CHECK(holds(only(report(SdkKind::anthropic, past)).remedy, "NODE_USE_ENV_PROXY"));
}

TEST_CASE("what could not be tried is no verdict") {
  const Finding profile = only(report(SdkKind::python, {{}, "ProfileNotFound: The config profile (x)", false}));
  CHECK(profile.state == State::look);
  CHECK(holds(profile.detail, "ProfileNotFound"));
  CHECK(only(report(SdkKind::java, {{}, "", true})).state == State::look);
  CHECK(only(report(SdkKind::java, {{true, false}, "SocketTimeout", false})).state == State::look);
}

TEST_CASE("the JavaScript SDK's default handler, and the one that it should be given") {
  SdkReport given = report(SdkKind::javascript, {{}, "ENOTFOUND", false});
  given.handler = through;
  Finding finding = only(given);
  CHECK(finding.state == State::look);
  CHECK(holds(finding.detail, "HTTP/2"));
  CHECK(holds(finding.detail, "trusts the CA"));
  CHECK(finding.remedy.starts_with("new BedrockRuntimeClient({ requestHandler: new NodeHttpHandler("));

  given.handler = {{true, false}, "UNABLE_TO_VERIFY_LEAF_SIGNATURE", false};
  finding = only(given);
  CHECK(finding.state == State::mend);
  CHECK(finding.remedy.starts_with("export NODE_EXTRA_CA_CERTS=/c/ca.pem\nnew BedrockRuntimeClient("));

  given.handler_missing = true;
  finding = only(given);
  CHECK(finding.state == State::look);
  CHECK(
      finding.remedy.starts_with("npm install @smithy/node-http-handler https-proxy-agent\nnew BedrockRuntimeClient("));
}

TEST_CASE("an SDK older than Bedrock is told apart from a wrong setting") {
  SdkReport given = report(SdkKind::python, through);
  given.knows_bedrock = false;
  const auto findings = judge_sdk(given, "/c");
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].state == State::ok);
  CHECK(findings[1].id == "sdk.boto3.version");
  CHECK(findings[1].remedy == "/usr/bin/python3 -m pip install --upgrade boto3");
}

TEST_CASE("a script's answers are lines of names and values") {
  const auto answers =
      parse_answers("warning: x\nboto3=1.2.3\nerror=A: b=c\r\nhandler.error=no\nNot A Name=1\n=2\nlast=3");
  CHECK(answers == std::map<std::string, std::string>{
                       {"boto3", "1.2.3"}, {"error", "A: b=c"}, {"handler.error", "no"}, {"last", "3"}});
}

TEST_CASE("Go is judged by the variables") {
  Surroundings around;
  around.proxies = {{"127.0.0.1", 5380}};
  around.ca_folder = "/c";
  around.root_sha256 = "aa";
  around.certificates = [](const std::string& path) {
    return path == "/c/bundle.pem" ? std::optional(std::vector<std::string>{"aa", "bb"}) : std::nullopt;
  };
  GoView view{"/usr/bin/go", "1.22", "", false};
  const Environment led{{"HTTPS_PROXY", "http://127.0.0.1:5380"}};
  Environment trusting = led;
  trusting["SSL_CERT_FILE"] = "/c/bundle.pem";
  Environment aws = led;
  aws["AWS_CA_BUNDLE"] = "/c/bundle.pem";
  CHECK(judge_go(view, {}, around).state == State::look);
  CHECK(judge_go(view, led, around).state == State::mend);
  CHECK(judge_go(view, led, around).remedy == "export SSL_CERT_FILE=/c/bundle.pem");
  CHECK(judge_go(view, trusting, around).state == State::ok);
  CHECK(judge_go(view, aws, around).state == State::mend);
  view.sdk = "v1.2.3";
  CHECK(judge_go(view, aws, around).state == State::ok);
  view.system_trusts = true;
  CHECK(judge_go(view, led, around).state == State::ok);
}

TEST_CASE("the SDK's version in go.mod") {
  CHECK(
      bedrock_sdk_in("module x\nrequire (\n\tgithub.com/aws/aws-sdk-go-v2/service/bedrockruntime v1.20.0 // y\n)\n") ==
      "v1.20.0");
  CHECK(bedrock_sdk_in("require github.com/aws/aws-sdk-go-v2/service/s3 v1.0.0").empty());
}

TEST_CASE("a trust store without the CA is looked at, with what puts it there") {
  app::TrustStoreState store;
  store.name = "system store";
  store.path = "/etc/ssl";
  store.state = app::TrustState::not_trusted;
  store.remedy = "run `borehole ca trust`";
  const auto judged = judge_trust({store});
  REQUIRE(judged.size() == 1);
  CHECK(judged.front().state == State::look);
  CHECK(judged.front().remedy == "borehole ca trust");
  store.state = app::TrustState::trusted;
  CHECK(judge_trust({store}).front().state == State::ok);
  CHECK(judge_trust({store}).front().remedy.empty());
}
