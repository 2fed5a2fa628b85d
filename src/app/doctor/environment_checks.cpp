#include "app/doctor/environment_checks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "app/child_process.h"
#include "base/shell_word.h"
#include "http/target.h"
#include "net/address.h"

namespace borehole::app::doctor {

namespace {

constexpr const char* set_all = "eval \"$(borehole env)\"";

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

// Commas or blanks part the entries.
std::vector<std::string> entries_of(const std::string& no_proxy) {
  std::vector<std::string> out;
  std::string entry;
  for (const char c : no_proxy + ",") {
    if (c != ',' && c != ' ' && c != '\t') {
      entry += c;
    } else if (!entry.empty()) {
      out.push_back(std::exchange(entry, {}));
    }
  }
  return out;
}

bool entry_excepts(std::string entry, const std::string& host) {
  if (entry == "*") return true;
  entry = lower(entry);
  if (entry.starts_with("*.")) entry.erase(0, 1);
  if (const auto colon = entry.rfind(':'); colon != std::string::npos) {
    if (entry.substr(colon + 1) != "443") return false;
    entry.erase(colon);
  }
  while (entry.starts_with('.')) entry.erase(0, 1);
  if (entry.empty()) return false;
  return host == entry ||
         (host.size() > entry.size() && host.ends_with(entry) && host[host.size() - entry.size() - 1] == '.');
}

bool is_loopback(const std::string& host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  const auto address = net::Address::parse(host, 0);
  return address && (address->kind() == net::AddressKind::loopback || address->kind() == net::AddressKind::unspecified);
}

struct Variable {
  std::string name;
  std::optional<ProxyUrl> url;
  bool own = false;
};

std::optional<Variable> read_variable(const Environment& environment, const char* name, const Surroundings& around) {
  const std::string value = trimmed(value_of(environment, name));
  if (value.empty()) return std::nullopt;
  Variable out{name, parse_proxy_url(value), false};
  out.own = out.url && is_own(*out.url, around.proxies);
  return out;
}

std::string shown(const Variable& variable) { return variable.url ? variable.url->shown : "no URL of a proxy"; }

// HTTPS_PROXY, in both spellings.
void judge_proxy(const Environment& environment, const Surroundings& around, Findings& out) {
  const auto small = read_variable(environment, "https_proxy", around);
  const auto big = read_variable(environment, "HTTPS_PROXY", around);
  const std::string subject = "HTTPS_PROXY";
  if (!small && !big) {
    out.push_back({"environment.proxy", State::look, subject,
                   "not set in this shell, so programs started here go past borehole (those under `borehole run` do "
                   "not)",
                   set_all});
    return;
  }
  if (small && big && small->own != big->own) {
    const Variable& right = small->own ? *small : *big;
    const Variable& wrong = small->own ? *big : *small;
    out.push_back({"environment.proxy", State::mend, subject,
                   fmt::format("{} is {}, which is borehole, but {} is {}; most programs look at https_proxy first",
                               right.name, shown(right), wrong.name, shown(wrong)),
                   fmt::format("export {}=\"${}\"", wrong.name, right.name)});
    return;
  }
  const Variable& seen = small ? *small : *big;
  if (!seen.own) {
    out.push_back({"environment.proxy", State::look, subject,
                   fmt::format("{} is {}, where borehole does not listen; programs started here go past it{}",
                               seen.name, shown(seen),
                               seen.url && !is_loopback(seen.url->host)
                                   ? " (borehole itself goes through such a proxy with `upstream.proxy`)"
                                   : ""),
                   set_all});
    return;
  }
  if (around.asks_for_credentials && !seen.url->has_credentials) {
    out.push_back(
        {"environment.proxy", State::mend, subject,
         fmt::format("{} is {}, without the name and password that `auth.users_file` asks for", seen.name, shown(seen)),
         fmt::format("export HTTPS_PROXY={0}://NAME:PASSWORD@{1}:{2} https_proxy={0}://NAME:PASSWORD@{1}:{2}",
                     seen.url->scheme, seen.url->host, seen.url->port)});
    return;
  }
  out.push_back(
      {"environment.proxy", State::ok, subject, fmt::format("{} is {}, borehole", seen.name, shown(seen)), ""});
}

void judge_no_proxy(const Environment& environment, const Surroundings& around, Findings& out) {
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    const std::string value = value_of(environment, name);
    std::string kept, excepting;
    for (const std::string& entry : entries_of(value)) {
      const bool excepted = std::any_of(around.hosts.begin(), around.hosts.end(),
                                        [&](const std::string& host) { return entry_excepts(entry, host); });
      std::string& to = excepted ? excepting : kept;
      if (!to.empty()) to += ',';
      to += entry;
    }
    if (excepting.empty()) continue;
    out.push_back({fmt::format("environment.{}", name), State::mend, name,
                   fmt::format("{} excepts Bedrock's endpoints, so their calls go past borehole", excepting),
                   fmt::format("export {}={}", name, shell_word(kept))});
  }
}

struct CaVariable {
  const char* name;
  const char* file;  // of the CA's folder
  bool replaces;     // the roots that the program has of its own
};
constexpr std::array<CaVariable, 6> ca_variables{{{"AWS_CA_BUNDLE", "bundle.pem", true},
                                                  {"REQUESTS_CA_BUNDLE", "bundle.pem", true},
                                                  {"SSL_CERT_FILE", "bundle.pem", true},
                                                  {"CURL_CA_BUNDLE", "bundle.pem", true},
                                                  {"NODE_EXTRA_CA_CERTS", "ca.pem", false},
                                                  {"DENO_CERT", "ca.pem", false}}};

void judge_ca_variables(const Environment& environment, const Surroundings& around, bool used, Findings& out) {
  std::string good;
  for (const auto& variable : ca_variables) {
    const std::string path = value_of(environment, variable.name);
    if (path.empty()) continue;
    const std::string remedy =
        fmt::format("export {}={}", variable.name, shell_word(around.ca_folder + "/" + variable.file));
    const std::string id = fmt::format("environment.{}", variable.name);
    const auto held = around.certificates(path);
    if (!held || held->empty()) {
      out.push_back(
          {id, State::mend, variable.name,
           fmt::format("{} {}", path, held ? "holds no certificate" : "cannot be read, so calls of this shell fail"),
           remedy});
    } else if (around.root_sha256.empty()) {
      continue;
    } else if (std::find(held->begin(), held->end(), around.root_sha256) == held->end()) {
      out.push_back({id, used ? State::mend : State::look, variable.name,
                     fmt::format("{} does not hold borehole's root, so programs that read it refuse borehole", path),
                     remedy});
    } else if (variable.replaces && held->size() == 1) {
      out.push_back({id, State::look, variable.name,
                     fmt::format("{} holds borehole's root alone, so calls that go past borehole fail", path), remedy});
    } else {
      good += fmt::format("{}{}", good.empty() ? "" : ", ", variable.name);
    }
  }
  if (!good.empty())
    out.push_back({"environment.ca", State::ok, "CA variables", good + ": borehole's root is in there", ""});
  if (value_of(environment, "NODE_TLS_REJECT_UNAUTHORIZED") == "0") {
    out.push_back({"environment.NODE_TLS_REJECT_UNAUTHORIZED", State::look, "NODE_TLS_REJECT_UNAUTHORIZED",
                   "it is 0: Node checks no certificate at all, which borehole does not need",
                   "unset NODE_TLS_REJECT_UNAUTHORIZED"});
  }
}

// A signer that is given borehole's address as the endpoint signs for that address, and Amazon refuses it.
void judge_endpoints(const Environment& environment, const Surroundings& around, Findings& out) {
  const bool bearer = !value_of(environment, "AWS_BEARER_TOKEN_BEDROCK").empty();
  for (const char* name : {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL_BEDROCK",
                           "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME", "ANTHROPIC_BEDROCK_BASE_URL"}) {
    const auto url = parse_proxy_url(trimmed(value_of(environment, name)));
    if (!url || !is_own(*url, around.proxies)) continue;
    if (bearer) {
      out.push_back(
          {fmt::format("environment.{}", name), State::ok, name,
           fmt::format("it is {}, borehole as a gateway; AWS_BEARER_TOKEN_BEDROCK needs no signature", url->shown),
           ""});
      continue;
    }
    out.push_back(
        {fmt::format("environment.{}", name), State::mend, name,
         fmt::format("it is {}: calls are signed for that address, and Amazon refuses the signature", url->shown),
         fmt::format("unset {}; {}", name, set_all)});
  }
}

}  // namespace

std::string value_of(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

Environment environment_of_process() {
  Environment out;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string pair(*at);
    if (const auto equals = pair.find('='); equals != std::string::npos && equals > 0)
      out.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return out;
}

std::optional<ProxyUrl> parse_proxy_url(const std::string& text) {
  ProxyUrl url;
  std::string rest = text;
  url.scheme = "http";
  if (const auto mark = rest.find("://"); mark != std::string::npos) {
    url.scheme = lower(rest.substr(0, mark));
    rest.erase(0, mark + 3);
  }
  std::string path;
  if (const auto slash = rest.find_first_of("/?#"); slash != std::string::npos) {
    path = rest.substr(slash, rest.find_first_of("?#") - slash);  // a query may hold a secret
    rest.erase(slash);
  }
  if (const auto at = rest.rfind('@'); at != std::string::npos) {
    url.has_credentials = rest.find(':') < at;
    rest.erase(0, at + 1);
  }
  const auto authority = http::parse_authority(rest, url.scheme == "https" ? 443 : 80);
  if (!authority) return std::nullopt;
  url.host = authority->host;
  url.port = authority->port;
  url.shown = fmt::format("{}://{}{}{}", url.scheme, url.has_credentials ? "…@" : "", rest, path == "/" ? "" : path);
  return url;
}

bool is_own(const ProxyUrl& url, const std::vector<config::HostPort>& proxies) {
  return std::any_of(proxies.begin(), proxies.end(), [&](const config::HostPort& own) {
    if (own.port != url.port) return false;
    const bool everywhere = own.host == "0.0.0.0" || own.host == "::";
    return own.host == url.host || (is_loopback(url.host) && (is_loopback(own.host) || everywhere));
  });
}

bool excepts(const std::string& no_proxy, const std::string& host) {
  const auto entries = entries_of(no_proxy);
  return std::any_of(entries.begin(), entries.end(),
                     [&](const std::string& entry) { return entry_excepts(entry, host); });
}

bool leads_to_proxy(const Environment& environment, const std::vector<config::HostPort>& proxies) {
  Surroundings around;
  around.proxies = proxies;
  const auto small = read_variable(environment, "https_proxy", around);
  const auto big = read_variable(environment, "HTTPS_PROXY", around);
  return (small && small->own) || (big && big->own);
}

Findings judge_environment(const Environment& environment, const Surroundings& around) {
  Findings out;
  judge_proxy(environment, around, out);
  const bool used = leads_to_proxy(environment, around.proxies);
  if (used) judge_no_proxy(environment, around, out);
  judge_ca_variables(environment, around, used, out);
  judge_endpoints(environment, around, out);
  return out;
}

}  // namespace borehole::app::doctor
