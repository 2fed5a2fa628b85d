#include "app/doctor/probe_environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace borehole::app::doctor {

namespace {

// Real credentials, and what would lead the call elsewhere than to the region's own endpoint.
constexpr std::array taken_away{"AWS_SESSION_TOKEN",
                                "AWS_SECURITY_TOKEN",
                                "AWS_BEARER_TOKEN_BEDROCK",
                                "AWS_ROLE_ARN",
                                "AWS_WEB_IDENTITY_TOKEN_FILE",
                                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                "ANTHROPIC_API_KEY",
                                "ANTHROPIC_AUTH_TOKEN",
                                "ANTHROPIC_BEDROCK_BASE_URL"};

constexpr std::array<std::pair<const char*, const char*>, 9> fixed{{{"AWS_ACCESS_KEY_ID", "AKIDBOREHOLEDOCTOR"},
                                                                    {"AWS_SECRET_ACCESS_KEY", "none"},
                                                                    {"AWS_EC2_METADATA_DISABLED", "true"},
                                                                    {"AWS_MAX_ATTEMPTS", "1"},
                                                                    {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"},
                                                                    {"AWS_USE_FIPS_ENDPOINT", "false"},
                                                                    {"AWS_USE_DUALSTACK_ENDPOINT", "false"},
                                                                    {"AWS_PAGER", ""},
                                                                    {"PYTHONDONTWRITEBYTECODE", "1"}}};

std::string with_address(const std::string& url, const config::HostPort& address) {
  const auto mark = url.find("://");
  const std::size_t begin = mark == std::string::npos ? 0 : mark + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  const auto at = url.substr(begin, end - begin).rfind('@');
  const std::size_t host = at == std::string::npos ? begin : begin + at + 1;
  return url.substr(0, host) + to_string(address) + url.substr(end);
}

// "-Dhttps.proxyHost=… -Dhttps.proxyPort=…": Java has no variable for a proxy.
std::string with_java_port(std::string options, const ProbeWorld& world) {
  for (const char* prefix : {"-Dhttp", "-Dhttps"}) {
    const std::string port = std::string(prefix) + ".proxyPort=";
    const auto at = options.find(port);
    if (at == std::string::npos) continue;
    const std::size_t begin = at + port.size();
    const std::size_t end = std::min(options.find_first_not_of("0123456789", begin), options.size());
    const std::string value = options.substr(begin, end - begin);
    const bool own = std::any_of(world.proxies.begin(), world.proxies.end(),
                                 [&](const auto& proxy) { return std::to_string(proxy.port) == value; });
    if (own) options.replace(begin, end - begin, std::to_string(world.private_proxy.port));
  }
  return options;
}

void lead_to_private_proxy(Environment& environment, const ProbeWorld& world) {
  for (const char* name : {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"}) {
    const auto found = environment.find(name);
    if (found == environment.end()) continue;
    const auto url = parse_proxy_url(found->second);
    if (url && is_own(*url, world.proxies)) found->second = with_address(found->second, world.private_proxy);
  }
  if (const auto found = environment.find("JAVA_TOOL_OPTIONS"); found != environment.end())
    found->second = with_java_port(found->second, world);
}

}  // namespace

Environment probe_environment(const ProbeWorld& world, const std::string& region) {
  Environment out = world.shell;
  if (world.of_shell) {
    lead_to_private_proxy(out, world);
  } else {
    const auto previous = [&world](const std::string& name) -> std::optional<std::string> {
      const auto found = world.shell.find(name);
      return found == world.shell.end() ? std::nullopt : std::optional(found->second);
    };
    for (auto& [name, value] : client_environment(world.private_proxy, world.files, previous)) out[name] = value;
  }
  std::erase_if(out, [](const auto& pair) { return pair.first.starts_with("AWS_ENDPOINT_URL"); });
  for (const char* name : taken_away) out.erase(name);
  for (const auto& [name, value] : fixed) out[name] = value;
  out["AWS_REGION"] = region;
  out["AWS_DEFAULT_REGION"] = region;
  return out;
}

std::vector<std::string> as_list(const Environment& environment) {
  std::vector<std::string> out;
  out.reserve(environment.size());
  for (const auto& [name, value] : environment) out.push_back(fmt::format("{}={}", name, value));
  return out;
}

}  // namespace borehole::app::doctor
