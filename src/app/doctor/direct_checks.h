// How clients that know no proxy are led to borehole on this machine: lines for hosts files, a rule for nftables; and
// whether one of them leads borehole to itself. Changes nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/doctor/finding.h"
#include "app/doctor/visit.h"
#include "config/config.h"

namespace borehole::app::doctor {

struct DirectView {
  bool asks_for_credentials = false;  // `auth.users_file` is set
  std::vector<config::HostPort> listens;
  std::vector<std::string> hosts;  // the Bedrock endpoints that clients call, on port 443
  std::string proxy_user;          // whose process listens there; empty: none does, or the system does not tell
  std::string user;                // who runs the doctor
};

DirectView view_direct(const config::Config& config, std::vector<std::string> hosts);
Findings judge_direct(const DirectView& view);

// What it takes to redirect all calls of this machine but those of `user`, to where one of the addresses listens;
// empty: no address has a known port.
std::string nftables_rule(const std::vector<config::HostPort>& listens, const std::string& user);

// A visit to an endpoint that ended at borehole itself, which a firewall rule of this machine made of it. `through` is
// the same visit, trusting borehole's CA; nothing where that failed too: then it ended elsewhere.
std::optional<Finding> judge_redirected(const std::string& host, const Visit& through, const DirectView& view);

}  // namespace borehole::app::doctor
