// Go, which is only looked at: what its programs would do by what is known of net/http. Pure but for `look_at_go`.
#pragma once

#include <optional>
#include <string>

#include "app/doctor/environment_checks.h"
#include "app/doctor/finding.h"

namespace borehole::app::doctor {

struct GoView {
  std::string place, version;  // "1.22.4"; empty: it does not tell
  std::string sdk;             // version of aws-sdk-go-v2/service/bedrockruntime in go.mod; empty: not there
  bool system_trusts = false;  // the CA is in the system's store
};

// Nothing: no Go on PATH. `folder`, and those above it, may have a go.mod.
std::optional<GoView> look_at_go(const Environment& environment, const std::string& folder);
std::string bedrock_sdk_in(const std::string& go_mod);
Finding judge_go(const GoView& view, const Environment& environment, const Surroundings& around);

}  // namespace borehole::app::doctor
