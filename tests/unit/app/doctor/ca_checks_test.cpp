#include "app/doctor/ca_checks.h"

#include <sys/stat.h>

#include <memory>
#include <string>

#include "../../tls/tls_fixture.h"
#include "catch.h"

using namespace borehole;
using namespace borehole::app::doctor;

namespace {

constexpr WallTime now{std::chrono::days(20'000)};

CaView good() {
  CaView view;
  view.folder = "/x/certs";
  view.folder_mode = 0700;
  view.key_mode = 0600;
  view.not_after = now + std::chrono::days(300);
  view.bundle_has_root = true;
  return view;
}

Finding only(const Findings& findings) {
  REQUIRE(findings.size() == 1);
  return findings.front();
}

std::shared_ptr<const proxy::Policy> policy_with(const std::string& folder,
                                                 std::optional<std::vector<std::string>> intercept = {}) {
  auto config = std::make_shared<config::Config>();
  config->ca.dir = folder;
  config->intercept = std::move(intercept);
  return *proxy::Policy::make(std::move(config));
}

}  // namespace

TEST_CASE("a CA in order") {
  const Finding finding = only(judge_ca(good(), now));
  CHECK(finding.state == State::ok);
  CHECK(finding.subject == "CA in /x/certs");
  CHECK(finding.detail.find("2025-07-31") != std::string::npos);
}

TEST_CASE("no CA yet is no fault") {
  CaView view;
  view.folder = "/x/certs";
  view.error = Error{ErrorCode::not_found, Fault::proxy, "there is none"};
  CHECK(only(judge_ca(view, now)).state == State::look);
}

TEST_CASE("a folder or key that others may look into is mended with chmod") {
  CaView view = good();
  view.folder_mode = 0750;
  Finding finding = only(judge_ca(view, now));
  CHECK(finding.id == "ca.folder_mode");
  CHECK(finding.state == State::mend);
  CHECK(finding.detail.find("0750") != std::string::npos);
  CHECK(finding.remedy == "chmod 700 /x/certs");

  view = good();
  view.folder = "/x y/certs";
  view.key_mode = 0644;
  view.error = Error{ErrorCode::ca_invalid, Fault::proxy, "it says the same"};
  finding = only(judge_ca(view, now));
  CHECK(finding.id == "ca.key_mode");
  CHECK(finding.remedy == "chmod 600 '/x y/certs/issuing.key'");
}

TEST_CASE("what cannot be opened is made anew") {
  CaView view = good();
  view.error = Error{ErrorCode::ca_invalid, Fault::proxy, "ca.pem expired on 2020-01-01"};
  const Finding finding = only(judge_ca(view, now));
  CHECK(finding.state == State::mend);
  CHECK(finding.detail == "ca.pem expired on 2020-01-01");
  CHECK(finding.remedy == "borehole ca rotate");
}

TEST_CASE("an end that is near is looked at, thirty days before") {
  CaView view = good();
  view.not_after = now + std::chrono::days(29);
  const Finding finding = only(judge_ca(view, now));
  CHECK(finding.id == "ca.expiry");
  CHECK(finding.state == State::look);
  view.not_after = now + std::chrono::days(31);
  CHECK(only(judge_ca(view, now)).state == State::ok);
}

TEST_CASE("a pattern outside the constraints, and a bundle without the root, are mended") {
  CaView view = good();
  view.outside = "`intercept` names x";
  CHECK(only(judge_ca(view, now)).id == "ca.constraints");
  view = good();
  view.bundle_has_root = false;
  CHECK(only(judge_ca(view, now)).id == "ca.bundle");
  view.bundle_has_root.reset();
  CHECK(only(judge_ca(view, now)).state == State::mend);
}

TEST_CASE("a CA on disk is seen as it is") {
  const fixture::Authority made;
  const std::string folder = made.folder / "ca";
  const WallTime today = fixture::real_now();
  const auto judged = [&](std::optional<std::vector<std::string>> intercept, WallTime at) {
    const auto policy = policy_with(folder, std::move(intercept));
    return judge_ca(view_ca(*policy, ca::CertificateAuthority::open(folder, at)), at);
  };
  const std::vector<std::string> inside{"*.amazonaws.com"};
  CHECK(only(judged(inside, today)).state == State::ok);
  CHECK(only(judged(std::vector<std::string>{"llm.example"}, today)).id == "ca.constraints");
  const Finding expired = only(judged(inside, today + std::chrono::days(3000)));
  CHECK(expired.state == State::mend);
  CHECK(expired.detail.find("expired") != std::string::npos);
  REQUIRE(chmod((folder + "/issuing.key").c_str(), 0640) == 0);
  CHECK(only(judged(inside, today)).id == "ca.key_mode");
  REQUIRE(chmod((folder + "/issuing.key").c_str(), 0600) == 0);
  fixture::write(folder + "/bundle.pem", "nothing");
  CHECK(only(judged(inside, today)).id == "ca.bundle");
}
