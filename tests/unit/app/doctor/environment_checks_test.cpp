#include "app/doctor/environment_checks.h"

#include <algorithm>
#include <map>
#include <string>

#include "catch.h"

using namespace borehole;
using namespace borehole::app::doctor;

namespace {

const std::string our_root = "0123";

Surroundings usual() {
  Surroundings around;
  around.proxies = {{"127.0.0.1", 5380}};
  around.ca_folder = "/c";
  around.root_sha256 = our_root;
  around.hosts = {"bedrock-runtime.us-east-1.amazonaws.com"};
  around.certificates = [](const std::string& path) -> std::optional<std::vector<std::string>> {
    static const std::map<std::string, std::vector<std::string>> files{
        {"/c/bundle.pem", {"aa", "bb", our_root}}, {"/c/ca.pem", {our_root}}, {"/corp.pem", {"cc"}}, {"/empty", {}}};
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  return around;
}

const Finding* find(const Findings& findings, const std::string& id) {
  const auto found =
      std::find_if(findings.begin(), findings.end(), [&](const Finding& finding) { return finding.id == id; });
  return found == findings.end() ? nullptr : &*found;
}

struct Judged {
  Findings all;
  const Finding& operator[](const std::string& id) const {
    CAPTURE(id);
    const Finding* found = find(all, id);
    REQUIRE(found != nullptr);
    return *found;
  }
  bool has(const std::string& id) const { return find(all, id) != nullptr; }
};

Judged judge(const Environment& environment, const Surroundings& around = usual()) {
  return Judged{judge_environment(environment, around)};
}

}  // namespace

TEST_CASE("an empty shell goes past the proxy, which is to be looked at") {
  const Judged judged = judge(Environment{});
  CHECK(judged.all.size() == 1);
  CHECK(judged["environment.proxy"].state == State::look);
  CHECK(judged["environment.proxy"].remedy == "eval \"$(borehole env)\"");
}

TEST_CASE("a shell that leads to the proxy is in order") {
  for (const char* url : {"http://127.0.0.1:5380", "http://localhost:5380/", "https://localhost:5380", "127.0.0.1:5380",
                          "http://[::1]:5380"}) {
    CAPTURE(url);
    CHECK(judge({{"HTTPS_PROXY", url}})["environment.proxy"].state == State::ok);
    CHECK(judge({{"https_proxy", url}})["environment.proxy"].state == State::ok);
  }
}

TEST_CASE("a shell that leads elsewhere is told so, without the password") {
  const Judged judged = judge({{"HTTPS_PROXY", "http://me:secret@proxy.corp:8080"}});
  const Finding& finding = judged["environment.proxy"];
  CHECK(finding.state == State::look);
  CHECK(finding.detail.find("proxy.corp:8080") != std::string::npos);
  CHECK(finding.detail.find("secret") == std::string::npos);
  CHECK(finding.detail.find("upstream.proxy") != std::string::npos);
  CHECK(judge({{"HTTPS_PROXY", "http://127.0.0.1:9999"}})["environment.proxy"].state == State::look);
  CHECK(judge({{"HTTPS_PROXY", "::::"}})["environment.proxy"].state == State::look);
}

TEST_CASE("two spellings that disagree are mended") {
  const Judged small_wins =
      judge({{"HTTPS_PROXY", "http://127.0.0.1:5380"}, {"https_proxy", "http://proxy.corp:8080"}});
  CHECK(small_wins["environment.proxy"].state == State::mend);
  CHECK(small_wins["environment.proxy"].remedy == "export https_proxy=\"$HTTPS_PROXY\"");
  const Judged other = judge({{"https_proxy", "http://127.0.0.1:5380"}, {"HTTPS_PROXY", "http://proxy.corp:8080"}});
  CHECK(other["environment.proxy"].remedy == "export HTTPS_PROXY=\"$https_proxy\"");
  const Judged same = judge({{"https_proxy", "http://127.0.0.1:5380"}, {"HTTPS_PROXY", "http://localhost:5380"}});
  CHECK(same["environment.proxy"].state == State::ok);
}

TEST_CASE("a proxy that asks for credentials must get some") {
  Surroundings around = usual();
  around.asks_for_credentials = true;
  CHECK(judge({{"HTTPS_PROXY", "http://127.0.0.1:5380"}}, around)["environment.proxy"].state == State::mend);
  CHECK(judge({{"HTTPS_PROXY", "http://a:b@127.0.0.1:5380"}}, around)["environment.proxy"].state == State::ok);
}

TEST_CASE("NO_PROXY that excepts Bedrock is mended, and keeps its other entries") {
  const std::string proxy = "http://127.0.0.1:5380";
  for (const char* entry : {"amazonaws.com", ".amazonaws.com", "*.amazonaws.com",
                            "bedrock-runtime.us-east-1.amazonaws.com", "AmazonAWS.com", "amazonaws.com:443", "*"}) {
    CAPTURE(entry);
    const Judged judged =
        judge({{"HTTPS_PROXY", proxy}, {"no_proxy", std::string("localhost,") + entry + ", 169.254.169.254"}});
    CHECK(judged["environment.no_proxy"].state == State::mend);
    CHECK(judged["environment.no_proxy"].remedy == "export no_proxy=localhost,169.254.169.254");
  }
  for (const char* entry :
       {"localhost", "s3.amazonaws.com", "zonaws.com", "amazonaws.com.cn", "amazonaws.com:80", "", "."}) {
    CAPTURE(entry);
    CHECK_FALSE(judge({{"HTTPS_PROXY", proxy}, {"NO_PROXY", entry}}).has("environment.NO_PROXY"));
  }
  // Nobody is led to the proxy: nothing is kept away from it.
  CHECK_FALSE(judge({{"NO_PROXY", "*"}}).has("environment.NO_PROXY"));
}

TEST_CASE("CA variables: a file that is not there, one without the root, one without all others") {
  const std::string proxy = "http://127.0.0.1:5380";
  Judged judged = judge({{"HTTPS_PROXY", proxy}, {"AWS_CA_BUNDLE", "/gone.pem"}});
  CHECK(judged["environment.AWS_CA_BUNDLE"].state == State::mend);
  CHECK(judged["environment.AWS_CA_BUNDLE"].remedy == "export AWS_CA_BUNDLE=/c/bundle.pem");
  judged = judge({{"SSL_CERT_FILE", "/empty"}});
  CHECK(judged["environment.SSL_CERT_FILE"].state == State::mend);
  judged = judge({{"HTTPS_PROXY", proxy}, {"REQUESTS_CA_BUNDLE", "/corp.pem"}});
  CHECK(judged["environment.REQUESTS_CA_BUNDLE"].state == State::mend);
  judged = judge({{"REQUESTS_CA_BUNDLE", "/corp.pem"}});
  CHECK(judged["environment.REQUESTS_CA_BUNDLE"].state == State::look);
  judged = judge({{"HTTPS_PROXY", proxy}, {"AWS_CA_BUNDLE", "/c/ca.pem"}});
  CHECK(judged["environment.AWS_CA_BUNDLE"].state == State::look);
  judged = judge({{"HTTPS_PROXY", proxy}, {"AWS_CA_BUNDLE", "/c/bundle.pem"}, {"NODE_EXTRA_CA_CERTS", "/c/ca.pem"}});
  CHECK(judged["environment.ca"].state == State::ok);
  CHECK(judged["environment.ca"].detail.starts_with("AWS_CA_BUNDLE, NODE_EXTRA_CA_CERTS"));
  CHECK_FALSE(judged.has("environment.AWS_CA_BUNDLE"));
  CHECK(judge({{"NODE_TLS_REJECT_UNAUTHORIZED", "0"}}).has("environment.NODE_TLS_REJECT_UNAUTHORIZED"));
}

TEST_CASE("borehole as an endpoint is signed for, unless nothing is signed") {
  for (const char* name : {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "ANTHROPIC_BEDROCK_BASE_URL"}) {
    CAPTURE(name);
    const std::string id = std::string("environment.") + name;
    const Environment set{{name, "http://localhost:5380/service/standard/"}};
    CHECK(judge(set)[id].state == State::mend);
    CHECK(judge(set)[id].remedy.starts_with(std::string("unset ") + name));
    Environment bearer = set;
    bearer["AWS_BEARER_TOKEN_BEDROCK"] = "t";
    CHECK(judge(bearer)[id].state == State::ok);
    CHECK_FALSE(judge({{name, "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com"}}).has(id));
  }
}

TEST_CASE("proxy URLs are read as programs read them") {
  const auto url = parse_proxy_url("HTTP://user:p%40ss@Proxy.Corp:8080/path?token=x");
  REQUIRE(url);
  CHECK(url->scheme == "http");
  CHECK(url->host == "proxy.corp");
  CHECK(url->port == 8080);
  CHECK(url->has_credentials);
  CHECK(url->shown == "http://…@Proxy.Corp:8080/path");
  CHECK(parse_proxy_url("https://proxy")->port == 443);
  CHECK(parse_proxy_url("proxy")->port == 80);
  CHECK_FALSE(parse_proxy_url("http://"));
  CHECK_FALSE(parse_proxy_url("http://a:b:c"));
}

TEST_CASE("a listener on every address is reached by loopback") {
  CHECK(is_own(*parse_proxy_url("http://localhost:1"), {{"0.0.0.0", 1}}));
  CHECK(is_own(*parse_proxy_url("http://box.test:1"), {{"box.test", 1}}));
  CHECK_FALSE(is_own(*parse_proxy_url("http://localhost:2"), {{"0.0.0.0", 1}}));
  CHECK_FALSE(is_own(*parse_proxy_url("http://192.0.2.1:1"), {{"127.0.0.1", 1}}));
}
