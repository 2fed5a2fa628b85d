// What the doctor found out about one thing, and how it is printed. Never looks at anything itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace borehole::app::doctor {

enum class State : std::uint8_t {
  ok,
  look,  // works, or may work; a person should know
  mend,  // calls fail, or are not seen, until it is mended
};

std::string_view state_name(State state) noexcept;

struct Finding {
  std::string id;  // for scripts, stable: "ca.key_mode", "endpoint.bedrock-runtime.us-east-1.amazonaws.com"
  State state = State::ok;
  std::string subject;  // what was looked at, in a few words
  std::string detail;   // what was found, one sentence without its full stop
  std::string remedy;   // a line to type (several, where it takes several); empty: nothing to do

  friend bool operator==(const Finding&, const Finding&) = default;
};

using Findings = std::vector<Finding>;

void append(Findings& to, Findings more);

// Makes remedies that call borehole name its configuration file, as the doctor was told it.
void name_configuration(Findings& findings, const std::string& file);

// 1 if something must be mended, else 0.
int exit_status(const Findings& findings) noexcept;

// Each finding as a line, its remedy on lines of its own below it. Control characters never come out raw.
std::string as_text(const Findings& findings, bool colours);
// How many of each state, one sentence.
std::string summary(const Findings& findings);
// One object with all findings, on one line.
std::string as_json(const Findings& findings);

}  // namespace borehole::app::doctor
