// Bedrock's endpoints as borehole reaches them, and this machine's clock against theirs: which ones to visit, and what
// the visits mean. Pure but for the look into AWS's configuration file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/doctor/environment_checks.h"
#include "app/doctor/finding.h"
#include "app/doctor/visit.h"
#include "config/config.h"

namespace borehole::app::doctor {

struct Endpoint {
  VisitTarget target;
  bool needed = true;  // false: only control-plane calls go there
  friend bool operator==(const Endpoint& a, const Endpoint& b) {
    return a.target.host == b.target.host && a.target.port == b.target.port && a.target.tls == b.target.tls;
  }
};

using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;
ReadFile file_reader();

// AWS_REGION, AWS_DEFAULT_REGION, and the profile's in ~/.aws/config where neither is set; each once.
std::vector<std::string> regions_of(const Environment& environment, const ReadFile& read);

// The upstreams of the routers, and of each region bedrock-runtime and bedrock; each once.
std::vector<Endpoint> endpoints_of(const config::Config& config, const std::vector<std::string>& regions);

// `visits` stand in the order of `endpoints`.
Findings judge_endpoints(const std::vector<Endpoint>& endpoints, const std::vector<Visit>& visits,
                         const config::Config& config, const Environment& environment);

// SigV4 signatures are refused where clocks differ by more than five minutes. Nothing: no visit told the time.
std::optional<Finding> judge_clock(const std::vector<Endpoint>& endpoints, const std::vector<Visit>& visits);

}  // namespace borehole::app::doctor
