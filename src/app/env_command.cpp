// `borehole env`: the variables that a client needs, for a shell, for Docker or for a program.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "app/client_environment.h"
#include "app/commands.h"
#include "app/environment_text.h"
#include "app/foundation.h"

namespace borehole::app {

namespace {

constexpr const char* container_folder = "/etc/borehole/";
constexpr const char* container_host = "host.docker.internal";

std::optional<std::string> from_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// Only the files to trust: the folder holds a key, and is closed to all but its owner.
std::string docker_options(const config::HostPort& proxy, const TrustFiles& files) {
  std::vector<Mount> mounts;
  TrustFiles inside;
  const auto mount = [&](const std::string& file, std::string& there) {
    if (file.empty()) return;
    there = container_folder + file.substr(file.rfind('/') + 1);
    mounts.push_back({file, there});
  };
  mount(files.ca_pem, inside.ca_pem);
  mount(files.bundle_pem, inside.bundle_pem);
  mount(files.trust_p12, inside.trust_p12);
  const auto previous = [](const std::string& name) {
    // Options of this machine's Java name files that a container does not have.
    return name == "JAVA_TOOL_OPTIONS" ? std::nullopt : from_environment(name);
  };
  return for_docker(client_environment({container_host, proxy.port}, inside, previous), mounts);
}

void explain_docker(const config::Config& config, const config::HostPort& proxy) {
  std::cerr << "# eval \"docker run $(borehole env --shell docker) IMAGE\"\n";
  bool open = false;
  for (const auto& listen : config.listen)
    open = open || !(listen.host == "localhost" || listen.host == "::1" || listen.host.starts_with("127."));
  if (open) return;
  std::cerr << fmt::format(
      "# a container does not reach {}: start the proxy with `borehole --listen 0.0.0.0:{} --set "
      "'auth.allow_clients=[172.16.0.0/12]'` (Docker's networks; Docker Desktop needs none of it)\n",
      to_string(proxy), proxy.port);
}

int env(const CommandLine& line, const std::string& shell) {
  const auto config = load_configuration(line);
  if (!config) return 2;
  const auto authority = authority_for(config);
  if (!authority) {
    std::cerr << "borehole: " << authority.error().detail << '\n';
    return authority.error().code == ErrorCode::config_invalid ? 2 : 1;
  }
  const config::HostPort proxy = reachable(config->listen);
  const TrustFiles files = trust_files_in((*authority)->folder());
  switch (shell_named(shell).value_or(ShellKind::sh)) {
    case ShellKind::sh: std::cout << for_sh(client_environment(proxy, files, from_environment)); break;
    case ShellKind::fish: std::cout << for_fish(client_environment(proxy, files, from_environment)); break;
    case ShellKind::json: std::cout << for_json(client_environment(proxy, files, from_environment)); break;
    case ShellKind::docker:
      std::cout << docker_options(proxy, files);
      explain_docker(*config, proxy);
      break;
  }
  // On stderr, so that `eval` and `source` do not meet it.
  if (proxy.port == 0) {
    std::cerr
        << "# `listen` has port 0, which is another port at each start, so these variables lead nowhere: give the "
           "real one, `borehole env --listen HOST:PORT`, as the proxy's line `listening proxy=` shows it\n";
  }
  for (const char* name : {"NO_PROXY", "no_proxy"}) {
    const auto bypass = bypass_of_bedrock(from_environment(name).value_or(""));
    if (bypass.empty()) continue;
    std::cerr << fmt::format("# {} names {}, so calls to Bedrock go past the proxy: take that out of it\n", name,
                             bypass);
    break;
  }
  return 0;
}

}  // namespace

void add_env(CLI::App& app, CommandLine& line) {
  const auto shell = std::make_shared<std::string>("sh");
  auto* command = app.add_subcommand("env", "the variables that a client needs: eval \"$(borehole env)\"");
  command->add_option("--shell", *shell, "for whom: sh (bash, zsh too), fish, docker or json")
      ->check(CLI::IsMember({"sh", "fish", "docker", "json"}))
      ->capture_default_str();
  command->callback([&line, shell] {
    line.command = "env";
    line.run = [shell](const CommandLine& given) { return env(given, *shell); };
  });
}

}  // namespace borehole::app
