#include "app/doctor/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "app/child_process.h"
#include "base/shell_word.h"
#include "calls/utf8.h"

namespace borehole::app::doctor {

namespace {

constexpr std::size_t states = 3;

// SGR (ECMA-48 section 8.3.117): green, yellow, red.
constexpr std::array<std::string_view, states> colour_of{"\x1b[32m", "\x1b[33m", "\x1b[31m"};
constexpr std::string_view plain = "\x1b[0m";

std::size_t index(State state) noexcept { return static_cast<std::size_t>(state); }

std::size_t count(const Findings& findings, State state) noexcept {
  return static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(),
                                                [state](const Finding& finding) { return finding.state == state; }));
}

// Each line of `text` behind an indentation.
std::string indented(std::string_view text, std::string_view by) {
  std::string out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    out += by;
    out += calls::for_terminal(text.substr(0, end));
    out += '\n';
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return out;
}

}  // namespace

std::string_view state_name(State state) noexcept {
  constexpr std::array<std::string_view, states> names{"ok", "look", "mend"};
  return names[index(state)];
}

void append(Findings& to, Findings more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void name_configuration(Findings& findings, const std::string& file) {
  const std::string option = " --config " + shell_word(file);
  constexpr std::string_view program = "borehole";
  for (Finding& finding : findings) {
    std::string& remedy = finding.remedy;
    for (std::size_t at = 0; (at = remedy.find(program, at)) != std::string::npos; at += program.size()) {
      const char before = at == 0 ? '\n' : remedy[at - 1];
      const char after = at + program.size() < remedy.size() ? remedy[at + program.size()] : '\n';
      const bool called = (before == '\n' || before == '(' || before == ' ') && after == ' ';
      if (called) remedy.insert(at + program.size(), option);
    }
  }
}

int exit_status(const Findings& findings) noexcept { return count(findings, State::mend) > 0 ? 1 : 0; }

std::string as_text(const Findings& findings, bool colours) {
  std::string out;
  for (const Finding& finding : findings) {
    out += fmt::format("{}{:<4}{}  {}: {}\n", colours ? colour_of[index(finding.state)] : std::string_view(),
                       state_name(finding.state), colours ? plain : std::string_view(),
                       calls::for_terminal(finding.subject), calls::for_terminal(finding.detail));
    out += indented(finding.remedy, "        ");
  }
  return out;
}

std::string summary(const Findings& findings) {
  const std::size_t mend = count(findings, State::mend);
  const std::size_t look = count(findings, State::look);
  if (mend + look == 0) return "everything is in place";
  return fmt::format("{} to mend, {} to look at, {} in order", mend, look, count(findings, State::ok));
}

std::string as_json(const Findings& findings) {
  std::string out = "{\"findings\":[";
  const auto member = [&out](std::string_view name, std::string_view value, char before) {
    out += before;
    calls::append_json_string(out, name);
    out += ':';
    calls::append_json_string(out, value);
  };
  for (const Finding& finding : findings) {
    if (out.back() == '}') out += ',';
    member("id", finding.id, '{');
    member("state", state_name(finding.state), ',');
    member("subject", finding.subject, ',');
    member("detail", finding.detail, ',');
    if (finding.remedy.empty()) {
      out += ",\"remedy\":null}";
    } else {
      member("remedy", finding.remedy, ',');
      out += '}';
    }
  }
  out += "]}";
  return out;
}

}  // namespace borehole::app::doctor
