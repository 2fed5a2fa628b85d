// `borehole doctor`: is everything in place, for each SDK found? What to fix.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/commands.h"
#include "app/doctor/ca_checks.h"
#include "app/doctor/direct_checks.h"
#include "app/doctor/endpoint_checks.h"
#include "app/doctor/environment_checks.h"
#include "app/doctor/finding.h"
#include "app/doctor/go_checks.h"
#include "app/doctor/machine_checks.h"
#include "app/doctor/proxy_checks.h"
#include "app/doctor/sdk_checks.h"
#include "app/doctor/sdk_probes.h"
#include "app/doctor/trust_checks.h"
#include "app/foundation.h"
#include "app/trust_stores.h"
#include "base/clock.h"
#include "base/log.h"
#include "bedrock/hosts.h"
#include "ca/certificate_authority.h"
#include "ca/certificate_list.h"

namespace borehole::app {

namespace {

using doctor::Findings;
using doctor::State;

constexpr std::chrono::seconds endpoint_patience{5};

struct DoctorOptions {
  bool json = false;
};

// Findings as they come: on a person's screen at once, for a program together at the end.
class Report {
 public:
  Report(bool json, std::optional<std::string> config_file)
      : json_(json),
        config_file_(std::move(config_file)),
        colours_(isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr) {}

  void add(Findings findings) {
    if (config_file_) doctor::name_configuration(findings, *config_file_);
    if (!json_) std::cout << doctor::as_text(findings, colours_) << std::flush;
    doctor::append(findings_, std::move(findings));
  }
  int finish() const {
    std::cout << (json_ ? doctor::as_json(findings_) : doctor::summary(findings_)) << '\n';
    return doctor::exit_status(findings_);
  }

 private:
  bool json_;
  std::optional<std::string> config_file_;
  bool colours_;
  Findings findings_;
};

std::optional<std::vector<std::string>> fingerprints_in(const std::string& path) {
  const auto text = doctor::file_reader()(path);
  if (!text) return std::nullopt;
  std::vector<std::string> out;
  for (const auto& certificate : ca::list_certificates(*text)) out.push_back(certificate.sha256);
  return out;
}

std::vector<std::string> runtime_hosts(const std::vector<doctor::Endpoint>& endpoints) {
  std::vector<std::string> hosts;
  for (const auto& endpoint : endpoints) {
    if (bedrock::parse_endpoint(endpoint.target.host)) hosts.push_back(endpoint.target.host);
  }
  if (hosts.empty()) hosts.emplace_back("bedrock-runtime.us-east-1.amazonaws.com");
  return hosts;
}

// The endpoints that a hosts file can lead here: those on the port that it cannot change.
std::vector<std::string> hosts_past_proxy(const std::vector<doctor::Endpoint>& endpoints) {
  std::vector<std::string> hosts;
  for (const auto& endpoint : endpoints) {
    if (bedrock::parse_endpoint(endpoint.target.host) && endpoint.target.port == 443)
      hosts.push_back(endpoint.target.host);
  }
  if (hosts.empty()) hosts = runtime_hosts({});
  return hosts;
}

// Where a certificate was not accepted, it may be borehole's own: then a firewall rule led the visit there.
void look_behind_redirections(const config::Config& config, const std::vector<doctor::Endpoint>& endpoints,
                              const std::vector<doctor::Visit>& visits, const doctor::DirectView& direct,
                              Findings& findings) {
  const auto own = tls::TrustStore::load({config.ca.dir + "/ca.pem"});
  if (!own) return;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    if (!visits[i].error || visits[i].error->code != ErrorCode::certificate_rejected) continue;
    const auto again = doctor::visit_all(config, *own, {endpoints[i].target}, endpoint_patience);
    if (auto finding = doctor::judge_redirected(endpoints[i].target.host, again.front(), direct))
      findings[i] = *std::move(finding);
  }
}

Findings look_at_sdks(const doctor::ProbeOptions& options, const std::string& folder, const std::string& ca_folder) {
  const auto sdks = doctor::find_sdks(options.environment, folder);
  const auto reports = doctor::probe_sdks(sdks, options);
  if (!reports) {
    return {{"sdk", State::look, "SDKs", "they could not be tried: " + reports.error().detail, ""}};
  }
  Findings out;
  for (const auto& report : *reports) doctor::append(out, doctor::judge_sdk(report, ca_folder));
  if (out.empty()) {
    out.push_back({"sdk", State::ok, "SDKs",
                   "none that could be tried is here (boto3, the AWS CLI, a JDK, or a JavaScript SDK in this folder)",
                   ""});
  }
  return out;
}

int run_doctor(const CommandLine& line, const DoctorOptions& options) {
  const auto config = load_configuration(line);
  if (!config) return 2;
  const auto policy = proxy::Policy::make(config);
  if (!policy) {
    std::cerr << "borehole: " << policy.error().detail << '\n';
    return 2;
  }
  log::configure(log::Level::off, log::Format::text);  // what is wrong becomes a finding
  (void)std::signal(SIGPIPE, SIG_IGN);
  Report report(options.json, line.config_file);
  report.add({{"configuration", State::ok, "configuration",
               fmt::format("{}: no problem found", config->file.empty() ? "the defaults" : config->file), ""}});

  const WallTime now = SystemClock().wall();
  const auto environment = doctor::environment_of_process();
  const auto authority = ca::CertificateAuthority::open(config->ca.dir, now);
  const auto ca_view = doctor::view_ca(**policy, authority);
  report.add(doctor::judge_ca(ca_view, now));
  const auto stores =
      authority ? inspect_trust_stores(**authority, TrustEnvironment::of_process()) : std::vector<TrustStoreState>();
  report.add(doctor::judge_trust(stores));
  report.add(doctor::judge_machine(doctor::view_machine(*config), *config));

  const auto trust = tls::TrustStore::load(config->upstream.ca_files);
  const auto endpoints = doctor::endpoints_of(*config, doctor::regions_of(environment, doctor::file_reader()));
  const auto direct = doctor::view_direct(*config, hosts_past_proxy(endpoints));
  if (!trust) {
    report.add({{"upstream.ca_files", State::mend, "upstream.ca_files", trust.error().detail, "borehole check"}});
  } else {
    auto proxy_view = doctor::view_proxy(*config, *trust);
    proxy_view.root = authority ? (*authority)->facts().root_sha256 : std::string();
    proxy_view.shell_leads_here = doctor::leads_to_proxy(environment, config->listen);
    report.add(doctor::judge_proxy(proxy_view));
    std::vector<doctor::VisitTarget> targets;
    targets.reserve(endpoints.size());
    for (const auto& endpoint : endpoints) targets.push_back(endpoint.target);
    const auto visits = doctor::visit_all(*config, *trust, targets, endpoint_patience);
    auto findings = doctor::judge_endpoints(endpoints, visits, *config, environment);
    if (!proxy_view.running_root.empty()) look_behind_redirections(*config, endpoints, visits, direct, findings);
    report.add(std::move(findings));
    if (auto clock = doctor::judge_clock(endpoints, visits)) report.add({*std::move(clock)});
  }

  doctor::Surroundings around;
  around.proxies = config->listen;
  around.asks_for_credentials = config->auth.users_file.has_value();
  around.ca_folder = config->ca.dir;
  around.root_sha256 = authority ? (*authority)->facts().root_sha256 : std::string();
  around.hosts = runtime_hosts(endpoints);
  around.certificates = fingerprints_in;
  report.add(doctor::judge_environment(environment, around));

  doctor::ProbeOptions probe;
  probe.environment = environment;
  probe.proxies = config->listen;
  if (authority && ca_view.bundle_has_root.value_or(false)) probe.ca_folder = config->ca.dir;
  std::error_code ignored;
  const std::string folder = std::filesystem::current_path(ignored).string();
  report.add(look_at_sdks(probe, folder, config->ca.dir));
  if (auto go = doctor::look_at_go(environment, folder)) {
    go->system_trusts = std::any_of(stores.begin(), stores.end(), [](const TrustStoreState& store) {
      return store.kind == StoreKind::system && store.state == TrustState::trusted;
    });
    report.add({doctor::judge_go(*go, environment, around)});
  }
  report.add(doctor::judge_direct(direct));
  return report.finish();
}

}  // namespace

void add_doctor(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<DoctorOptions>();
  auto* command = app.add_subcommand("doctor", "is everything in place, for each SDK found? what to fix");
  command->add_flag("--json", options->json, "the findings as one JSON object");
  command->callback([&line, options] {
    line.command = "doctor";
    line.run = [options](const CommandLine& given) { return run_doctor(given, *options); };
  });
}

}  // namespace borehole::app
