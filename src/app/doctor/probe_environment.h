// The variables under which an SDK makes its test call. Pure; never lets a real credential through.
#pragma once

#include <string>
#include <vector>

#include "app/client_environment.h"
#include "app/doctor/environment_checks.h"
#include "config/config.h"

namespace borehole::app::doctor {

struct ProbeWorld {
  Environment shell;
  bool of_shell = true;                   // as the shell is set; else as `borehole env` would set it
  std::vector<config::HostPort> proxies;  // where the configured proxy listens: whatever leads there …
  config::HostPort private_proxy;         // … is led here
  TrustFiles files;                       // of the CA that the private proxy uses
};

// Credentials are none, `region` is the region, nothing is asked of instance metadata or sent to a configured endpoint;
// the rest is as the world says.
Environment probe_environment(const ProbeWorld& world, const std::string& region);

// "NAME=VALUE", for a child.
std::vector<std::string> as_list(const Environment& environment);

}  // namespace borehole::app::doctor
