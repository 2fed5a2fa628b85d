#include "app/doctor/endpoint_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace borehole::app::doctor {

namespace {

constexpr std::chrono::minutes tolerated{5};  // Signature Version 4: older or younger requests are refused
constexpr std::chrono::minutes drifting{1};

std::string without_blanks(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// "region = …" in the profile's section of an AWS configuration file.
std::string region_in(const std::string& text, const std::string& profile) {
  std::istringstream lines(text);
  std::string line;
  bool inside = false;
  while (std::getline(lines, line)) {
    line = without_blanks(line);
    if (line.starts_with('[')) {
      const std::string section = without_blanks(line.substr(1, line.find(']') - 1));
      inside = section == "profile " + profile || (profile == "default" && section == "default");
      continue;
    }
    const auto equals = line.find('=');
    if (inside && equals != std::string::npos && without_blanks(line.substr(0, equals)) == "region")
      return without_blanks(line.substr(equals + 1));
  }
  return {};
}

std::string domain_of(const std::string& region) {
  if (region.starts_with("cn-")) return "amazonaws.com.cn";
  if (region.starts_with("eusc-")) return "amazonaws.eu";
  if (region.starts_with("us-iso-")) return "c2s.ic.gov";
  if (region.starts_with("us-isob-")) return "sc2s.sgov.gov";
  return "amazonaws.com";
}

bool is_region(const std::string& text) {
  return !text.empty() && text.size() < 40 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

std::string name_of(const VisitTarget& target) {
  return target.port == (target.tls ? 443 : 80) ? target.host : fmt::format("{}:{}", target.host, target.port);
}

// A proxy of the company, that the shell knows of and borehole does not.
bool knows_another_proxy(const config::Config& config, const Environment& environment) {
  if (config.upstream.proxy) return false;
  for (const char* name : {"https_proxy", "HTTPS_PROXY"}) {
    const auto url = parse_proxy_url(without_blanks(value_of(environment, name)));
    if (url && !is_own(*url, config.listen)) return true;
  }
  return false;
}

struct Advice {
  std::string words, remedy;
};

Advice advice_for(const Error& error, const VisitTarget& target, bool another_proxy) {
  const std::string remedy_proxy = "borehole --set upstream.proxy=\"$HTTPS_PROXY\"";
  switch (error.code) {
    case ErrorCode::dns_failed:
      if (another_proxy) return {"; this shell names a proxy, which borehole needs as `upstream.proxy`", remedy_proxy};
      return {"; behind a proxy of your company, name it in `upstream.proxy`",
              fmt::format("getent hosts {}", target.host)};
    case ErrorCode::connect_failed:
    case ErrorCode::connect_timeout:
      if (another_proxy) return {"; this shell names a proxy, which borehole needs as `upstream.proxy`", remedy_proxy};
      return {"; a firewall may want calls to go through `upstream.proxy`",
              fmt::format("curl -v --noproxy '*' {}://{}/", target.tls ? "https" : "http", name_of(target))};
    case ErrorCode::certificate_rejected:
      if (error.detail.find("upstream.ca_files") != std::string::npos)
        return {"", "borehole --set 'upstream.ca_files=[/PATH/TO/COMPANY-ROOT.pem]'"};
      return {"", fmt::format("openssl s_client -connect {}:{} -servername {} </dev/null | openssl x509 -noout -text",
                              target.host, target.port, target.host)};
    case ErrorCode::upstream_proxy_refused: return {"", "borehole --set upstream.proxy=http://NAME:PASSWORD@HOST:PORT"};
    case ErrorCode::address_not_allowed:
      return {"", fmt::format("borehole --set 'upstream.resolve={{\"{0}:{1}\": \"ADDRESS:{1}\"}}'", target.host,
                              target.port)};
    default: return {"", fmt::format("curl -v --noproxy '*' {}://{}/", target.tls ? "https" : "http", name_of(target))};
  }
}

std::string span_text(std::chrono::seconds span) {
  if (span < std::chrono::minutes(2)) return fmt::format("{} s", span.count());
  if (span < std::chrono::hours(2)) return fmt::format("{} min", span.count() / 60);
  return fmt::format("{} h", span.count() / 3600);
}

}  // namespace

ReadFile file_reader() {
  return [](const std::string& path) -> std::optional<std::string> {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
}

std::vector<std::string> regions_of(const Environment& environment, const ReadFile& read) {
  std::vector<std::string> regions;
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    const std::string region = without_blanks(value_of(environment, name));
    if (is_region(region) && std::find(regions.begin(), regions.end(), region) == regions.end())
      regions.push_back(region);
  }
  if (!regions.empty()) return regions;
  std::string file = value_of(environment, "AWS_CONFIG_FILE");
  if (file.empty()) file = value_of(environment, "HOME") + "/.aws/config";
  std::string profile = value_of(environment, "AWS_PROFILE");
  if (profile.empty()) profile = value_of(environment, "AWS_DEFAULT_PROFILE");
  if (profile.empty()) profile = "default";
  if (const auto text = read(file)) {
    if (const std::string region = region_in(*text, profile); is_region(region)) regions.push_back(region);
  }
  return regions;
}

std::vector<Endpoint> endpoints_of(const config::Config& config, const std::vector<std::string>& regions) {
  std::vector<Endpoint> out;
  const auto add = [&out](Endpoint endpoint) {
    if (std::find(out.begin(), out.end(), endpoint) == out.end()) out.push_back(std::move(endpoint));
  };
  for (const auto& region : regions) add({{"bedrock-runtime." + region + "." + domain_of(region)}, true});
  for (const auto& router : config.routers) {
    if (router.upstream) add({{router.upstream->host, router.upstream->port, router.scheme != "http"}, true});
  }
  for (const auto& region : regions) add({{"bedrock." + region + "." + domain_of(region)}, false});
  return out;
}

Findings judge_endpoints(const std::vector<Endpoint>& endpoints, const std::vector<Visit>& visits,
                         const config::Config& config, const Environment& environment) {
  Findings out;
  const bool another_proxy = knows_another_proxy(config, environment);
  for (std::size_t i = 0; i < endpoints.size() && i < visits.size(); ++i) {
    const VisitTarget& target = endpoints[i].target;
    const Visit& visit = visits[i];
    const std::string id = "endpoint." + name_of(target);
    if (visit.error) {
      auto [words, remedy] = advice_for(*visit.error, target, another_proxy);
      out.push_back({id, endpoints[i].needed ? State::mend : State::look, name_of(target), visit.error->detail + words,
                     std::move(remedy)});
      continue;
    }
    out.push_back({id, State::ok, name_of(target),
                   target.tls ? fmt::format("reached at {}, and its certificate is accepted ({})", visit.address,
                                            visit.tls_version)
                              : fmt::format("reached at {}", visit.address),
                   ""});
  }
  if (endpoints.empty()) {
    out.push_back({"endpoint", State::look, "endpoints",
                   "no region is set in this shell or in ~/.aws/config, so none was visited",
                   "export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1"});
  }
  return out;
}

std::optional<Finding> judge_clock(const std::vector<Endpoint>& endpoints, const std::vector<Visit>& visits) {
  std::optional<std::chrono::microseconds> least;  // the others may be answered by a cache
  std::string by;
  for (std::size_t i = 0; i < endpoints.size() && i < visits.size(); ++i) {
    if (!visits[i].date || !endpoints[i].target.tls) continue;
    const auto off = visits[i].answered - *visits[i].date;
    if (!least || std::chrono::abs(off) < std::chrono::abs(*least)) {
      least = off;
      by = name_of(endpoints[i].target);
    }
  }
  if (!least) return std::nullopt;
  const auto span = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::abs(*least));
  const std::string off = fmt::format("this machine's clock is {} {} that of {}", span_text(span),
                                      least->count() > 0 ? "ahead of" : "behind", by);
  const char* remedy = "sudo timedatectl set-ntp true";
  if (span > tolerated)
    return Finding{"clock", State::mend, "clock",
                   off + ", and Amazon refuses signatures that are off by more than 5 min", remedy};
  if (span > drifting)
    return Finding{"clock", State::look, "clock", off + "; from 5 min on Amazon refuses signatures", remedy};
  return Finding{"clock", State::ok, "clock", fmt::format("agrees with {}", by), ""};
}

}  // namespace borehole::app::doctor
