#include "app/client_environment.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace borehole::app {

namespace {

// Loopback, and where EC2 (IMDS), ECS and EKS (Pod Identity) hand out credentials. IPv6 without brackets: httpx fails
// at `[::1]` before its first request.
constexpr std::array<std::string_view, 8> direct_hosts{"localhost",       "127.0.0.1",     "::1",
                                                       "169.254.169.254", "169.254.170.2", "169.254.170.23",
                                                       "fd00:ec2::254",   "fd00:ec2::23"};

constexpr const char* p12_password = "changeit";  // of trust.p12 and of Java's own stores; no secret

constexpr std::string_view a_bedrock_host = "bedrock-runtime.us-east-1.amazonaws.com";

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Between commas and blanks: curl takes both.
std::vector<std::string> entries_of(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto end = std::min(list.find_first_of(", \t\n"), list.size());
    if (end > 0) out.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

void add_new(std::vector<std::string>& list, const std::string& entry) {
  const auto same = [&](const std::string& other) { return folded(other) == folded(entry); };
  if (std::none_of(list.begin(), list.end(), same)) list.push_back(entry);
}

// Programs read one of the two spellings, so both are to hold what either held.
std::vector<std::string> no_proxy_entries(const LookUp& previous) {
  std::vector<std::string> entries;
  for (const char* name : {"NO_PROXY", "no_proxy"}) {
    for (const auto& entry : entries_of(previous(name).value_or(""))) add_new(entries, entry);
  }
  for (const auto host : direct_hosts) add_new(entries, std::string(host));
  return entries;
}

// Java's patterns (java.net, "Networking Properties"): `|` between them, `*` at an end, IPv6 in brackets.
std::string non_proxy_hosts(const std::vector<std::string>& entries) {
  std::vector<std::string> patterns;
  for (const auto& entry : entries) {
    if (entry.find_first_of("/|\"'[]") != std::string::npos) continue;  // a network, or nothing that Java knows
    const auto colons = std::count(entry.begin(), entry.end(), ':');
    if (colons == 1) continue;  // with a port
    if (colons > 1) {
      add_new(patterns, "[" + entry + "]");
    } else if (entry == "127.0.0.1") {
      add_new(patterns, "127.*");
    } else if (entry.front() == '.') {
      add_new(patterns, "*" + entry);
    } else {
      add_new(patterns, entry);
      const bool name = entry.find_first_not_of("0123456789.") != std::string::npos;
      if (name && entry.front() != '*' && entry != "localhost") add_new(patterns, "*." + entry);
    }
  }
  return fmt::format("{}", fmt::join(patterns, "|"));
}

// The virtual machine takes quotes of both kinds off, and knows no other escape.
std::string java_quoted(const std::string& option) {
  if (option.find_first_of(" \t\n'\"") == std::string::npos) return option;
  std::string out;
  for (std::size_t at = 0; at < option.size();) {
    const char quote = option[at] == '"' ? '\'' : '"';
    const auto end = std::min(option.find(quote == '"' ? "\"" : "'", at), option.size());
    out += quote;
    out.append(option, at, end - at);
    out += quote;
    at = end;
  }
  return out;
}

// Words as they stand, quotes included.
std::vector<std::string> java_words(std::string_view options) {
  std::vector<std::string> words(1);
  char quote = 0;
  for (const char c : options) {
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (!words.back().empty()) words.emplace_back();
      continue;
    }
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
    words.back() += c;
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::string java_tool_options(const config::HostPort& proxy, const TrustFiles& files,
                              const std::vector<std::string>& no_proxy, const LookUp& previous) {
  Variables properties{{"http.proxyHost", proxy.host},
                       {"http.proxyPort", std::to_string(proxy.port)},
                       {"https.proxyHost", proxy.host},
                       {"https.proxyPort", std::to_string(proxy.port)},
                       {"http.nonProxyHosts", non_proxy_hosts(no_proxy)}};
  if (!files.trust_p12.empty()) {
    properties.emplace_back("javax.net.ssl.trustStore", files.trust_p12);
    properties.emplace_back("javax.net.ssl.trustStorePassword", p12_password);
    properties.emplace_back("javax.net.ssl.trustStoreType", "PKCS12");
  }
  std::string out;
  for (const auto& word : java_words(previous("JAVA_TOOL_OPTIONS").value_or(""))) {
    const bool replaced = std::any_of(properties.begin(), properties.end(), [&](const auto& property) {
      const std::string option = "-D" + property.first + "=";
      return word.starts_with(option) || word.starts_with('"' + option) || word.starts_with('\'' + option);
    });
    if (!replaced) out += word + " ";
  }
  for (const auto& [name, value] : properties) out += java_quoted(fmt::format("-D{}={}", name, value)) + " ";
  out.pop_back();
  return out;
}

}  // namespace

TrustFiles trust_files_in(const std::string& folder) {
  TrustFiles files{folder + "/ca.pem", folder + "/bundle.pem", folder + "/trust.p12"};
  if (access(files.trust_p12.c_str(), R_OK) != 0) files.trust_p12.clear();
  return files;
}

Variables client_environment(const config::HostPort& proxy, const TrustFiles& files, const LookUp& previous) {
  const std::string url = "http://" + to_string(proxy);
  const auto direct = no_proxy_entries(previous);
  const std::string no_proxy = fmt::format("{}", fmt::join(direct, ","));
  Variables out;
  // Both spellings: Python and undici prefer the lower-case one, which may hold another proxy.
  for (const char* name : {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"}) out.emplace_back(name, url);
  for (const char* name : {"NO_PROXY", "no_proxy"}) out.emplace_back(name, no_proxy);
  for (const char* name : {"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"})
    out.emplace_back(name, files.bundle_pem);
  for (const char* name : {"NODE_EXTRA_CA_CERTS", "DENO_CERT"}) out.emplace_back(name, files.ca_pem);
  out.emplace_back("NODE_USE_ENV_PROXY", "1");
  out.emplace_back("JAVA_TOOL_OPTIONS", java_tool_options(proxy, files, direct, previous));
  return out;
}

config::HostPort reachable(const std::vector<config::HostPort>& listen) {
  const auto on_loopback = [](const config::HostPort& one) {
    return one.host == "localhost" || one.host == "::1" || one.host.starts_with("127.") || one.host == "0.0.0.0" ||
           one.host == "::";
  };
  const auto found = std::find_if(listen.begin(), listen.end(), on_loopback);
  config::HostPort out = found != listen.end() ? *found : listen.front();
  if (out.host == "0.0.0.0") out.host = "127.0.0.1";
  if (out.host == "::") out.host = "::1";
  return out;
}

std::string to_string(const config::HostPort& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", address.host, v6 ? "]" : "", address.port);
}

std::optional<config::HostPort> parse_printed(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  config::HostPort out{std::string(host), 0};
  const char* end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data() + colon + 1, end, out.port);
  if (error != std::errc() || read != end || host.empty()) return std::nullopt;
  return out;
}

std::string bypass_of_bedrock(std::string_view no_proxy) {
  for (const auto& entry : entries_of(no_proxy)) {
    if (entry == "*") return entry;
    std::string_view domain = entry;
    if (domain.starts_with('*')) domain.remove_prefix(1);
    if (domain.starts_with('.')) domain.remove_prefix(1);
    if (domain.empty()) continue;
    const std::string tail = folded(domain);
    if (a_bedrock_host == tail) return entry;
    // A region or a service does not matter here, only where the name ends.
    for (const std::string_view host : {a_bedrock_host, std::string_view("bedrock-runtime.us-east-1.api.aws")}) {
      if (host.ends_with("." + tail)) return entry;
    }
    if (tail.find("bedrock") != std::string::npos) return entry;
  }
  return {};
}

}  // namespace borehole::app
