#include "config/gecholog_yaml.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/gecholog_text.h"
#include "config/hosts.h"

namespace borehole::config {
namespace {

std::string listed(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += fmt::format("{}{}", out.empty() ? "" : ", ", yaml_quoted(text));
  return "[" + out + "]";
}

}  // namespace

std::string gecholog_yaml(const std::string& name, const GechologParts& parts, const std::vector<Problem>& notes) {
  std::string out = fmt::format(
      "# borehole's configuration in place of {}, as `borehole check --from-gecholog` wrote it. What has no "
      "counterpart\n"
      "# stands at the end. `borehole check --config FILE` looks it over.\n\n",
      log::escaped(name));
  out +=
      "# Gecholog listened on every interface. To let other machines in, write 0.0.0.0 and set auth.users_file (or\n"
      "# auth.allow_clients).\n";
  out += fmt::format("listen: {}\n", yaml_quoted("127.0.0.1:" + (parts.port.empty() ? "5380" : parts.port)));
  if (parts.port == "5381") out += "admin: \"127.0.0.1:5382\"\n";
  if (!parts.log_level.empty()) out += fmt::format("log: {{level: {}}}\n", yaml_quoted(parts.log_level));

  out += "routers:\n";
  if (std::ranges::none_of(parts.routers, [](const auto& router) { return router.path == "/"; }))
    out += "  # Calls through a proxy setting; Gecholog had no such router here.\n  - path: \"/\"\n";
  for (const auto& router : parts.routers) {
    out += fmt::format("  - path: {}\n", yaml_quoted(router.path));
    if (!router.upstream.empty()) out += fmt::format("    upstream: {}\n", yaml_quoted(router.upstream));
    if (router.headers.empty()) continue;
    out += "    require_headers:\n";
    for (const auto& [header, value] : router.headers)
      out += fmt::format("      {}: {}\n", yaml_quoted(header), yaml_quoted(value));
  }
  if (!parts.ca_files.empty()) out += fmt::format("upstream:\n  ca_files: {}\n", listed(parts.ca_files));

  // What ours masks by default stays masked.
  auto masked = parts.masked;
  for (const auto& header : Config().record.mask_headers)
    if (std::ranges::none_of(parts.masked, [&](const auto& other) { return lower_case(other) == header; }))
      masked.push_back(header);
  out += "record:\n";
  if (!parts.session_header.empty()) out += fmt::format("  session_header: {}\n", yaml_quoted(parts.session_header));
  out += fmt::format("  mask_headers: {}\n", listed(masked));

  if (!notes.empty())
    out += fmt::format("\n# What has no counterpart, with its line and column in {}:\n", log::escaped(name));
  for (const auto& one : notes) out += fmt::format("# {}:{} {}\n", one.line, one.column, one.message);
  return out;
}

}  // namespace borehole::config
