// Finds the SDKs of this machine and lets each make a call, with the environment that programs have, through a proxy of
// the doctor's own to a server of the doctor's own. Never sends anything to another machine but a look-up of a name.
#pragma once

#include <string>
#include <vector>

#include "app/doctor/environment_checks.h"
#include "app/doctor/sdk_checks.h"
#include "base/result.h"
#include "config/config.h"

namespace borehole::app::doctor {

struct Sdk {
  SdkKind kind = SdkKind::python;
  std::string place;  // the interpreter or program
  std::string name;   // as far as it is known before it has run
};

// Of PATH, of VIRTUAL_ENV, and of the node_modules of `folder` and those above it.
std::vector<Sdk> find_sdks(const Environment& environment, const std::string& folder);

struct ProbeOptions {
  Environment environment;                // of the shell
  std::vector<config::HostPort> proxies;  // where the configured proxy listens
  std::string ca_folder;                  // empty: there is none that can be used, so one is made for the occasion
};

// A report each; those that turn out to lack the SDK are left out. An error: the rehearsal could not be set up.
Result<std::vector<SdkReport>> probe_sdks(const std::vector<Sdk>& sdks, const ProbeOptions& options);

}  // namespace borehole::app::doctor
