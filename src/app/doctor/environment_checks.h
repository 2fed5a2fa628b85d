// The variables of the shell that the doctor runs in: do they send programs through borehole, and let them trust it?
// Pure; never shows a password.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/doctor/finding.h"
#include "config/config.h"

namespace borehole::app::doctor {

using Environment = std::map<std::string, std::string>;
Environment environment_of_process();
// Empty where it is not set.
std::string value_of(const Environment& environment, const std::string& name);

// The fingerprints (SHA-256, lower hex) of the certificates in a file; nothing: it cannot be read.
using CertificateFile = std::function<std::optional<std::vector<std::string>>(const std::string& path)>;

struct Surroundings {
  std::vector<config::HostPort> proxies;  // where borehole listens
  bool asks_for_credentials = false;      // `auth.users_file` is set
  std::string ca_folder;
  std::string root_sha256;         // empty: there is no CA yet
  std::vector<std::string> hosts;  // the Bedrock endpoints that programs call
  CertificateFile certificates;
};

struct ProxyUrl {
  std::string scheme;  // "http" where none is written
  std::string host;    // lower case, without brackets
  std::uint16_t port = 0;
  bool has_credentials = false;
  std::string shown;  // without password
};
std::optional<ProxyUrl> parse_proxy_url(const std::string& text);

// Is that one of `proxies`? Loopback names and addresses are one and the same.
bool is_own(const ProxyUrl& url, const std::vector<config::HostPort>& proxies);

// Does a NO_PROXY value except `host`? By suffix, as most programs have it; `*` excepts all.
bool excepts(const std::string& no_proxy, const std::string& host);

// Do programs of this shell that look at variables reach borehole?
bool leads_to_proxy(const Environment& environment, const std::vector<config::HostPort>& proxies);

Findings judge_environment(const Environment& environment, const Surroundings& around);

}  // namespace borehole::app::doctor
