#include "app/environment_text.h"

#include <fmt/format.h>

#include "base/shell_word.h"
#include "calls/utf8.h"

namespace borehole::app {

namespace {

// fish: a backslash escapes itself and the quote there, nothing else.
std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// `--mount` reads its value as a line of comma-separated values (RFC 4180).
std::string mount_field(const std::string& name, const std::string& value) {
  std::string field = name + "=" + value;
  if (field.find_first_of(",\"\n") == std::string::npos) return field;
  std::string out = "\"";
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::optional<ShellKind> shell_named(std::string_view name) noexcept {
  if (name == "sh") return ShellKind::sh;
  if (name == "fish") return ShellKind::fish;
  if (name == "docker") return ShellKind::docker;
  if (name == "json") return ShellKind::json;
  return std::nullopt;
}

std::string for_sh(const Variables& variables) {
  std::string out;
  for (const auto& [name, value] : variables) out += fmt::format("export {}={};\n", name, shell_quoted(value));
  return out;
}

std::string for_fish(const Variables& variables) {
  std::string out;
  for (const auto& [name, value] : variables) out += fmt::format("set -gx {} {};\n", name, fish_quoted(value));
  return out;
}

std::string for_json(const Variables& variables) {
  std::string out = "{";
  for (const auto& [name, value] : variables) {
    out += out.size() > 1 ? ",\n  " : "\n  ";
    calls::append_json_string(out, name);
    out += ": ";
    calls::append_json_string(out, value);
  }
  return out + "\n}\n";
}

std::string for_docker(const Variables& variables, const std::vector<Mount>& mounts) {
  std::string out = "--add-host=host.docker.internal:host-gateway";
  for (const auto& [source, target] : mounts) {
    out += " --mount " + shell_word(fmt::format("type=bind,{},{},readonly", mount_field("source", source),
                                                mount_field("target", target)));
  }
  for (const auto& [name, value] : variables)
    out += fmt::format(" -e {}", shell_word(fmt::format("{}={}", name, value)));
  return out + "\n";
}

}  // namespace borehole::app
