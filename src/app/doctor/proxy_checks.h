// The configured proxy as the doctor sees it: does one run, is it ready, who else holds its ports? Sends nothing but
// two GETs to the admin port.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/doctor/finding.h"
#include "app/doctor/visit.h"
#include "config/config.h"

namespace borehole::app::doctor {

struct Port {
  config::HostPort where;
  std::string holder;  // "nginx (process 123)"; empty: nobody, or the system does not tell
};

struct ProxyView {
  std::vector<Port> listens;
  std::optional<Port> admin;       // nothing: `admin` is null
  std::optional<Visit> readiness;  // of /readyz; nothing: there was nobody to ask
  std::string running_root;        // SHA-256 of what /ca.pem gave; empty: no borehole answers there
  std::string root;                // … of the CA on disk; empty: there is none
  bool shell_leads_here = false;   // programs of this shell are sent to `listens`
};

ProxyView view_proxy(const config::Config& config, const std::shared_ptr<const tls::TrustStore>& trust);
Findings judge_proxy(const ProxyView& view);

}  // namespace borehole::app::doctor
