#include "app/foundation.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>

#include "base/clock.h"
#include "bedrock/hosts.h"
#include "config/load.h"
#include "net/address.h"

namespace borehole::app {

namespace {

// The labels behind the last one that holds a `*`: what every name of the pattern ends in.
std::string fixed_tail(const std::string& pattern) {
  const auto star = pattern.rfind('*');
  if (star == std::string::npos) return pattern;
  const auto dot = pattern.find('.', star);
  return dot == std::string::npos ? std::string() : pattern.substr(dot + 1);
}

std::string machine_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

bool is_unspecified(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

}  // namespace

config::Loaded read_configuration(const CommandLine& line) {
  config::LoadOptions options;
  options.file = line.config_file;
  options.listens = line.listens;
  options.admin = line.admin;
  options.sets = line.sets;
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  return config::load(options);
}

std::shared_ptr<const config::Config> load_configuration(const CommandLine& line) {
  auto loaded = read_configuration(line);
  for (const auto& problem : loaded.problems) std::cerr << config::to_string(problem) << '\n';
  return loaded.problems.empty() ? loaded.config : nullptr;
}

std::vector<std::string> own_names(const config::Config& config) {
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
  const auto add = [&](const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const auto& listen : config.listen) add(is_unspecified(listen.host) ? machine_name() : listen.host);
  return names;
}

ca::NameConstraints wanted_constraints(const proxy::Policy& policy) {
  ca::NameConstraints constraints;
  constraints.ip = {"127.0.0.0/8", "::1/128"};
  for (const auto domain : bedrock::constraint_domains()) constraints.dns.emplace_back(domain);
  constraints.dns.emplace_back("localhost");
  const auto add = [&](const std::string& name) {
    if (name.empty() || ca::permits(constraints, name)) return;
    if (auto address = net::Address::parse(name, 0)) {
      constraints.ip.push_back(fmt::format("{}/{}", name, address->is_v6() ? 128 : 32));
    } else {
      constraints.dns.push_back(name);
    }
  };
  for (const auto& pattern : policy.intercept) add(fixed_tail(pattern.text()));
  for (const auto& name : own_names(*policy.config)) add(name);
  return constraints;
}

std::string outside_constraints(const proxy::Policy& policy, const ca::CertificateAuthority& authority) {
  for (const auto& pattern : policy.intercept) {
    const std::string tail = fixed_tail(pattern.text());
    if (tail.empty() || !ca::permits(authority.facts().constraints, tail)) {
      return fmt::format(
          "`intercept` names {}, which the CA in {} may not vouch for; run `borehole ca rotate`, start again and trust "
          "the new ca.pem",
          pattern.text(), authority.folder());
    }
  }
  return {};
}

Result<std::shared_ptr<const ca::CertificateAuthority>> authority_for(
    const std::shared_ptr<const config::Config>& config) {
  const auto policy = proxy::Policy::make(config);
  if (!policy) return unexpected(policy.error());
  auto authority =
      ca::CertificateAuthority::open_or_create(config->ca.dir, wanted_constraints(**policy), SystemClock().wall());
  if (!authority) return authority;
  if (auto outside = outside_constraints(**policy, **authority); !outside.empty()) {
    return unexpected(Error{ErrorCode::config_invalid, Fault::proxy, std::move(outside)});
  }
  return authority;
}

Result<std::shared_ptr<const ca::CertificateAuthority>> authority_now(
    const std::shared_ptr<const ca::CertificateAuthority>& in_force, WallTime now) {
  auto found = ca::CertificateAuthority::open(in_force->folder(), now);
  if (!found) return found;
  const ca::AuthorityFacts& facts = (*found)->facts();
  const bool same =
      facts.root_sha256 == in_force->facts().root_sha256 && facts.issuing_sha256 == in_force->facts().issuing_sha256;
  return same ? in_force : found;
}

std::string another_authority(const ca::CertificateAuthority& authority) {
  return fmt::format(
      "the CA in {} is another one: new connections get certificates of it, so clients must trust the new ca.pem "
      "(SHA-256 {})",
      authority.folder(), authority.facts().root_sha256);
}

std::string nears_its_end(const ca::CertificateAuthority& authority, WallTime now) {
  const WallTime end = authority.facts().not_after;
  if (end - now > std::chrono::days(30)) return {};
  return fmt::format("the CA in {} ends on {}: run `borehole ca rotate` before then, and trust the new ca.pem",
                     authority.folder(), format_rfc3339(end).substr(0, 10));
}

}  // namespace borehole::app
