// What the SDKs' test calls mean. Pure: the calls are made by sdk_probes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "app/doctor/finding.h"
#include "app/doctor/responder.h"

namespace borehole::app::doctor {

enum class SdkKind : std::uint8_t { python, cli, javascript, anthropic, java };

// One call that was tried.
struct Attempt {
  Arrival arrival;
  std::string error;       // what the program said; empty: it was content
  bool timed_out = false;  // it was ended at its limit
};

struct SdkReport {
  SdkKind kind = SdkKind::python;
  std::string name;      // "boto3 1.34.46 in /usr/bin/python3"
  std::string place;     // the interpreter, or the program
  bool of_shell = true;  // tried with the shell's own variables; else with those of `borehole env`
  Attempt attempt;
  bool knows_bedrock = true;
  // The JavaScript SDK, with a handler that goes through proxies.
  bool handler_missing = false;
  Attempt handler;
};

// The NAME=VALUE lines of a script; all else is left out.
std::map<std::string, std::string> parse_answers(const std::string& out);

Findings judge_sdk(const SdkReport& report, const std::string& ca_folder);

}  // namespace borehole::app::doctor
