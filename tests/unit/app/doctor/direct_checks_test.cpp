#include "app/doctor/direct_checks.h"

#include <string>

#include "catch.h"

using namespace borehole;
using namespace borehole::app::doctor;

namespace {

const std::string host = "bedrock-runtime.us-east-1.amazonaws.com";

DirectView listening(std::vector<config::HostPort> listens, const std::string& proxy_user = "") {
  DirectView view;
  view.listens = std::move(listens);
  view.hosts = {host, "bedrock.us-east-1.amazonaws.com"};
  view.proxy_user = proxy_user;
  view.user = "ann";
  return view;
}

Finding found(const DirectView& view, const std::string& id) {
  for (const auto& finding : judge_direct(view)) {
    if (finding.id == id) return finding;
  }
  FAIL(id << " is missing");
  return {};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("hosts lines: one for each endpoint, to the address on port 443") {
  const std::string two = " " + host + "\n", last = " bedrock.us-east-1.amazonaws.com";
  Finding finding = found(listening({{"127.0.0.1", 5380}, {"192.0.2.1", 443}}), "direct.hosts");
  CHECK(finding.state == State::ok);
  CHECK(finding.remedy == "192.0.2.1" + two + "192.0.2.1" + last);
  finding = found(listening({{"127.0.0.1", 5380}}), "direct.hosts");
  CHECK(finding.remedy == "127.0.0.1" + two + "127.0.0.1" + last);
  CHECK(has(finding.detail, "once `listen` has 127.0.0.1:443"));
  CHECK(has(finding.detail, "upstream.resolve"));
  CHECK(found(listening({{"0.0.0.0", 443}}), "direct.hosts").remedy.starts_with("127.0.0.1 "));
}

TEST_CASE("the rule: a table for each family that is listened on, and borehole's user excepted") {
  const std::string v4 =
      "table ip direct {\n  chain output {\n    type nat hook output priority -100;\n    meta skuid != \"proxy\" fib "
      "daddr "
      "type != local tcp dport 443 redirect to :5380\n  }\n}\n";
  CHECK(nftables_rule({{"127.0.0.1", 5380}}, "proxy") == "sudo nft -f - <<'END'\n" + v4 + "END");
  const std::string both = nftables_rule({{"192.0.2.1", 443}, {"0.0.0.0", 5380}, {"::1", 5390}}, "proxy");
  CHECK(has(both, v4));
  CHECK(has(both, "table ip6 direct {"));
  CHECK(has(both, "redirect to :5390"));
  CHECK(nftables_rule({{"192.0.2.1", 5380}, {"127.0.0.1", 0}}, "proxy").empty());
}

TEST_CASE("where credentials are asked for, nobody is led here who cannot give them") {
  DirectView view = listening({{"127.0.0.1", 5380}});
  view.asks_for_credentials = true;
  const Findings findings = judge_direct(view);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].id == "direct");
  CHECK(findings[0].remedy.empty());
  CHECK(has(findings[0].detail, "auth.allow_clients"));
}

TEST_CASE("naming the configuration leaves the rule as it is") {
  Findings findings = judge_direct(listening({{"127.0.0.1", 5380}}));
  const Findings before = findings;
  name_configuration(findings, "/etc/b.yaml");
  CHECK(findings == before);
}

TEST_CASE("whom the rule excepts: who runs borehole; that it is the caller's own user is said") {
  CHECK(has(found(listening({{"127.0.0.1", 5380}}), "direct.redirect").remedy, "meta skuid != \"borehole\" "));
  const Finding another = found(listening({{"127.0.0.1", 5380}}, "proxy"), "direct.redirect");
  CHECK(has(another.remedy, "meta skuid != \"proxy\" "));
  CHECK_FALSE(has(another.detail, "yours"));
  CHECK(has(found(listening({{"127.0.0.1", 5380}}, "ann"), "direct.redirect").detail, "(now it is yours)"));
  CHECK(found(listening({{"127.0.0.1", 0}}), "direct.redirect").remedy.empty());
}

TEST_CASE("a visit that a rule led to borehole tells whether borehole reaches the endpoint") {
  const DirectView view = listening({{"127.0.0.1", 5380}}, "proxy");
  Visit visit;
  visit.status = 403;
  CHECK(judge_redirected(host, visit, view)->state == State::ok);
  visit.refusal = "proxy_loop";
  Finding finding = *judge_redirected(host, visit, view);
  CHECK(finding.state == State::mend);
  CHECK(finding.id == "endpoint." + host);
  CHECK(has(finding.remedy, "meta skuid != \"proxy\" "));
  visit.refusal = "dns_failed";
  visit.body = "{\"message\": \"no such name\"}";
  finding = *judge_redirected(host, visit, view);
  CHECK(finding.state == State::mend);
  CHECK(has(finding.detail, "no such name"));
  visit.error = Error{ErrorCode::certificate_rejected, Fault::upstream, "unknown"};
  CHECK_FALSE(judge_redirected(host, visit, view));
}
