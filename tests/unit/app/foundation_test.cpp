#include "app/foundation.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "../tls/tls_fixture.h"
#include "bedrock/hosts.h"
#include "catch.h"

using namespace borehole;

namespace {

using Names = std::vector<std::string>;

std::shared_ptr<const proxy::Policy> policy_of(std::optional<Names> intercept,
                                               std::vector<config::HostPort> listen = {{"127.0.0.1", 5380}}) {
  auto config = std::make_shared<config::Config>();
  config->intercept = std::move(intercept);
  config->listen = std::move(listen);
  auto policy = proxy::Policy::make(std::move(config));
  REQUIRE(policy);
  return *policy;
}

Names usual_domains() {
  Names names;
  for (const auto domain : bedrock::constraint_domains()) names.emplace_back(domain);
  names.emplace_back("localhost");
  return names;
}

bool holds(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const Names usual_ranges{"127.0.0.0/8", "::1/128"};

}  // namespace

TEST_CASE("by default the CA vouches for Amazon's domains and this machine, no more") {
  const auto wanted = app::wanted_constraints(*policy_of(std::nullopt));
  CHECK(wanted.dns == usual_domains());
  CHECK(wanted.ip == usual_ranges);
}

TEST_CASE("a pattern inside these domains adds nothing") {
  const auto wanted = app::wanted_constraints(*policy_of(Names{"bedrock*.*.amazonaws.com", "*.api.aws", "localhost"}));
  CHECK(wanted.dns == usual_domains());
  CHECK(wanted.ip == usual_ranges);
}

TEST_CASE("a pattern outside adds the labels behind its last star, once") {
  Names domains = usual_domains();
  domains.insert(domains.end(), {"corp.example", "llm.test"});
  const auto wanted =
      app::wanted_constraints(*policy_of(Names{"bedrock*.corp.example", "*.eu.corp.example", "llm.test", "192.0.2.7"}));
  CHECK(wanted.dns == domains);
  Names ranges = usual_ranges;
  ranges.emplace_back("192.0.2.7/32");
  CHECK(wanted.ip == ranges);
}

TEST_CASE("a pattern whose last label holds a star adds nothing: that would be everything") {
  const auto wanted = app::wanted_constraints(*policy_of(Names{"bedrock.*", "*"}));
  CHECK(wanted.dns == usual_domains());
}

TEST_CASE("the listener's own names and addresses are added") {
  const auto wanted = app::wanted_constraints(
      *policy_of(std::nullopt, {{"192.0.2.1", 1}, {"2001:db8::1", 2}, {"box.test", 3}, {"127.0.0.9", 4}}));
  Names ranges = usual_ranges;
  ranges.insert(ranges.end(), {"192.0.2.1/32", "2001:db8::1/128"});
  CHECK(wanted.ip == ranges);
  Names domains = usual_domains();
  domains.emplace_back("box.test");
  CHECK(wanted.dns == domains);
}

TEST_CASE("the proxy's own names: the loopback ones, and each listener's once") {
  config::Config config;
  config.listen = {{"127.0.0.1", 1}, {"localhost", 2}, {"192.0.2.1", 3}, {"192.0.2.1", 4}};
  CHECK(app::own_names(config) == Names{"localhost", "127.0.0.1", "::1", "192.0.2.1"});
}

TEST_CASE("a listener on every address goes by the machine's name") {
  std::array<char, 256> machine{};
  REQUIRE(gethostname(machine.data(), machine.size() - 1) == 0);
  config::Config config;
  for (const char* everywhere : {"0.0.0.0", "::"}) {
    config.listen = {{everywhere, 1}};
    const auto names = app::own_names(config);
    CHECK_FALSE(holds(names, everywhere));
    CHECK(holds(names, machine.data()));
  }
}

TEST_CASE("a pattern that the CA may not vouch for is named, with the remedy") {
  const fixture::Authority made;  // for amazonaws.com, api.aws and localhost
  const auto& authority = *made.authority;
  for (const auto& inside :
       {Names{}, Names{"bedrock*.*.amazonaws.com"}, Names{"*.api.aws", "localhost", "127.0.0.1"}}) {
    CAPTURE(inside);
    CHECK(app::outside_constraints(*policy_of(inside), authority).empty());
  }
  for (const std::string outside :
       {"corp.example", "*.corp.example", "*amazonaws.com", "notamazonaws.com", "bedrock.*", "*", "192.0.2.7"}) {
    CAPTURE(outside);
    const auto sentence = app::outside_constraints(*policy_of(Names{"*.amazonaws.com", outside}), authority);
    CHECK(sentence.find("names " + outside + ",") != std::string::npos);
    CHECK(sentence.find("borehole ca rotate") != std::string::npos);
    CHECK(sentence.find(authority.folder()) != std::string::npos);
  }
}

TEST_CASE("a CA made for a policy vouches for all of it") {
  const auto policy = policy_of(Names{"bedrock*.*.amazonaws.com", "*.corp.example", "192.0.2.7", "2001:db8::7"},
                                {{"box.test", 1}, {"192.0.2.1", 2}});
  const fixture::TempFolder folder;
  const auto authority =
      ca::CertificateAuthority::open_or_create(folder / "ca", app::wanted_constraints(*policy), fixture::real_now());
  REQUIRE(authority);
  CHECK(app::outside_constraints(*policy, **authority).empty());
  for (const auto& name : app::own_names(*policy->config)) {
    CAPTURE(name);
    CHECK(ca::permits((*authority)->facts().constraints, name));
  }
}
