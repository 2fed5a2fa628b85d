#include "app/doctor/proxy_checks.h"

#include <string>

#include "catch.h"

using namespace borehole;
using namespace borehole::app::doctor;

namespace {

ProxyView nobody() {
  ProxyView view;
  view.listens = {{{"127.0.0.1", 5380}, ""}};
  view.admin = Port{{"127.0.0.1", 5381}, ""};
  view.root = "aaaa";
  return view;
}

ProxyView running() {
  ProxyView view = nobody();
  view.listens.front().holder = view.admin->holder = "borehole (process 7)";
  view.readiness.emplace();
  view.readiness->status = 200;
  view.readiness->body = "ready\n";
  view.running_root = "aaaa";
  return view;
}

Finding only(const Findings& findings) {
  REQUIRE(findings.size() == 1);
  return findings.front();
}

}  // namespace

TEST_CASE("a proxy that runs is ready, or says why not") {
  CHECK(only(judge_proxy(running())).state == State::ok);
  ProxyView view = running();
  view.readiness->status = 503;
  view.readiness->body = "3 records could not be written; see the log\nborehole is shutting down\n";
  const Finding finding = only(judge_proxy(view));
  CHECK(finding.state == State::mend);
  CHECK(finding.detail ==
        "it runs, but is not ready: 3 records could not be written; see the log; borehole is shutting down");
  CHECK(finding.remedy == "curl http://127.0.0.1:5381/readyz");
}

TEST_CASE("a proxy that runs with another CA is started anew") {
  ProxyView view = running();
  view.running_root = "bbbb";
  CHECK(only(judge_proxy(view)).id == "proxy.ca");
  CHECK(only(judge_proxy(view)).state == State::mend);
  view.root.clear();  // the files are gone, which is told elsewhere
  CHECK(only(judge_proxy(view)).state == State::ok);
}

TEST_CASE("no proxy is a fault only where programs are led to it") {
  ProxyView view = nobody();
  CHECK(only(judge_proxy(view)).state == State::ok);
  view.shell_leads_here = true;
  CHECK(only(judge_proxy(view)).state == State::mend);
  CHECK(only(judge_proxy(view)).remedy == "borehole serve");
}

TEST_CASE("a port that another program holds is named") {
  ProxyView view = nobody();
  view.listens.front().holder = "nginx (process 12)";
  Finding finding = only(judge_proxy(view));
  CHECK(finding.state == State::mend);
  CHECK(finding.detail.find("nginx (process 12)") != std::string::npos);
  CHECK(finding.remedy == "borehole --listen 127.0.0.1:5480");
  view.listens.front().where.port = 65'500;
  CHECK(only(judge_proxy(view)).remedy == "borehole --listen 127.0.0.1:65400");
  view.listens.front().holder = "borehole (process 12)";
  CHECK(only(judge_proxy(view)).state == State::look);
}

TEST_CASE("so is the admin port") {
  ProxyView view = nobody();
  view.admin->holder = "python3 (process 12)";
  const auto findings = judge_proxy(view);
  REQUIRE(findings.size() == 2);
  CHECK(findings.front().id == "proxy.admin_port");
  CHECK(findings.front().remedy == "borehole --admin 127.0.0.1:5481");
  view.admin->holder.clear();
  view.readiness.emplace();  // somebody answers there, in another container perhaps
  CHECK(judge_proxy(view).front().id == "proxy.admin_port");
}
