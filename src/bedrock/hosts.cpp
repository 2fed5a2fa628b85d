#include "bedrock/hosts.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>

#include "base/wildcard.h"
#include "bedrock/fields.h"
#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

struct Suffix {
  std::string_view domain;
  std::string_view partition;
  bool dual_stack;
};

// The partitions of AWS with their DNS suffixes, as the SDKs' endpoint rules have them. No suffix ends another one at a
// label boundary.
constexpr std::array kSuffixes{
    Suffix{"amazonaws.com", "aws", false},  // and aws-us-gov, and Mantle of aws-eusc
    Suffix{"api.aws", "aws", true},         // and aws-us-gov
    Suffix{"amazonaws.com.cn", "aws-cn", false},
    Suffix{"api.amazonwebservices.com.cn", "aws-cn", true},
    Suffix{"amazonaws.eu", "aws-eusc", false},
    Suffix{"api.amazonwebservices.eu", "aws-eusc", true},
    Suffix{"c2s.ic.gov", "aws-iso", false},
    Suffix{"api.aws.ic.gov", "aws-iso", true},
    Suffix{"sc2s.sgov.gov", "aws-iso-b", false},
    Suffix{"api.aws.scloud", "aws-iso-b", true},
    Suffix{"cloud.adc-e.uk", "aws-iso-e", false},
    Suffix{"api.cloud-aws.adc-e.uk", "aws-iso-e", true},
    Suffix{"csp.hci.ic.gov", "aws-iso-f", false},
    Suffix{"api.aws.hci.ic.gov", "aws-iso-f", true},
};

bool all_letters(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

bool all_words(std::string_view text) noexcept {
  for (;;) {
    const bool last = text.find('-') == std::string_view::npos;
    if (!all_letters(take_part(text, '-'))) return false;
    if (last) return true;
  }
}

// `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`: two to four letters, more words, a number.
bool is_region(std::string_view text) {
  const std::size_t first = text.find('-');
  const std::size_t last = text.rfind('-');
  if (first == last || first < 2 || first > 4 || !parse_decimal(text.substr(last + 1))) return false;
  return all_words(text.substr(0, last));
}

bool is_service(std::string_view text) { return text.substr(0, text.find('-')) == "bedrock" && all_words(text); }

// Without one trailing dot, and without a port (a name with one colon; an IPv6 address has more).
std::string_view bare_host(std::string_view host) noexcept {
  const std::size_t colon = host.find(':');
  if (colon != std::string_view::npos && host.find(':', colon + 1) == std::string_view::npos &&
      host.find_first_not_of("0123456789", colon + 1) == std::string_view::npos) {
    host = host.substr(0, colon);
  }
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  return host;
}

bool is_below(std::string_view host, std::string_view domain) noexcept {
  return host.size() > domain.size() && host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.';
}

// One label against one label of a pattern; both in lower case.
bool label_matches(std::string_view pattern, std::string_view label) noexcept {
  return !label.empty() && matches_wildcard(pattern, label);
}

std::string_view take_label(std::string_view& name) noexcept {
  const std::size_t dot = name.find('.');
  const std::string_view label = name.substr(0, dot);
  name = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
  return label;
}

// `host` in lower case, bare.
bool pattern_matches(std::string_view pattern, std::string_view host) noexcept {
  if (std::count(pattern.begin(), pattern.end(), '.') != std::count(host.begin(), host.end(), '.')) return false;
  while (!pattern.empty() && !host.empty()) {
    if (!label_matches(take_label(pattern), take_label(host))) return false;
  }
  return pattern.empty() && host.empty();
}

// The lower-case copy of a host name, on the stack: the longest name of DNS has 253 octets.
class LowerHost {
 public:
  explicit LowerHost(std::string_view host) noexcept {
    host = bare_host(host);
    if (host.size() > octets_.size()) return;
    std::transform(host.begin(), host.end(), octets_.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    size_ = host.size();
  }
  // Empty if the name was too long for one.
  std::string_view view() const noexcept { return {octets_.data(), size_}; }

 private:
  std::array<char, 253> octets_{};
  std::size_t size_ = 0;
};

Error pattern_error(std::string_view text, std::string_view what) {
  return Error{ErrorCode::config_invalid, Fault::proxy,
               "host pattern \"" + std::string(text) + "\" " + std::string(what)};
}

}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view host) {
  const LowerHost lowered(host);
  const std::string_view name = lowered.view();
  const auto suffix = std::find_if(kSuffixes.begin(), kSuffixes.end(),
                                   [&](const Suffix& candidate) { return is_below(name, candidate.domain); });
  if (suffix == kSuffixes.end()) return std::nullopt;
  std::string_view labels = name.substr(0, name.size() - suffix->domain.size() - 1);

  Endpoint endpoint;
  endpoint.dual_stack = suffix->dual_stack;
  const bool of_vpc = labels.ends_with(".vpce") && labels.starts_with("vpce-") && !suffix->dual_stack;
  if (of_vpc && std::count(labels.begin(), labels.end(), '.') == 3) {
    endpoint.vpc = true;
    labels.remove_suffix(5);
    take_label(labels);
  }
  if (std::count(labels.begin(), labels.end(), '.') != 1) return std::nullopt;
  std::string_view service = take_label(labels);
  const std::string_view region = labels;
  if (!is_region(region)) return std::nullopt;
  if (service.ends_with("-fips")) {
    endpoint.fips = true;
    service.remove_suffix(5);
  }
  if (!is_service(service)) return std::nullopt;
  endpoint.service = service;
  endpoint.region = region;
  endpoint.partition = suffix->partition;
  if (suffix->partition == "aws") {  // regions tell partitions apart that share a suffix
    if (endpoint.region.starts_with("us-gov-")) endpoint.partition = "aws-us-gov";
    if (endpoint.region.starts_with("eusc-")) endpoint.partition = "aws-eusc";
  }
  return endpoint;
}

Result<HostPattern> HostPattern::parse(std::string_view text) {
  std::string lowered = lower_case(text);
  if (lowered.ends_with('.')) lowered.pop_back();
  if (lowered.empty()) return unexpected(pattern_error(text, "is empty"));
  if (lowered.size() > 253) return unexpected(pattern_error(text, "is longer than a host name may be (253)"));
  if (lowered.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.*:[]") != std::string::npos) {
    return unexpected(
        pattern_error(text, "holds a character that host names do not have; give only the name, no scheme or path"));
  }
  const bool is_ipv6 = std::count(lowered.begin(), lowered.end(), ':') > 1;
  if (!is_ipv6 && lowered.find_first_of(":[]") != std::string::npos) {
    return unexpected(pattern_error(text, "names a port; give only the host name"));
  }
  for (const std::string_view label : split(lowered, '.')) {
    if (label.empty()) return unexpected(pattern_error(text, "has an empty label (two dots in a row)"));
  }
  return HostPattern(std::move(lowered));
}

bool HostPattern::matches(std::string_view host) const noexcept {
  return pattern_matches(text_, LowerHost(host).view());
}

bool HostPattern::is_within(std::string_view domain) const noexcept {
  const LowerHost lowered(domain);
  return !lowered.view().empty() && (text_ == lowered.view() || is_below(text_, lowered.view()));
}

bool matches(std::span<const HostPattern> patterns, std::string_view host) noexcept {
  const LowerHost lowered(host);
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const HostPattern& pattern) { return pattern_matches(pattern.text(), lowered.view()); });
}

const std::vector<HostPattern>& default_intercept_patterns() {
  static const std::vector<HostPattern> patterns = [] {
    std::vector<HostPattern> made;
    const auto add = [&](const std::string& text) {
      auto pattern = HostPattern::parse(text);
      assert(pattern);
      made.push_back(std::move(*pattern));
    };
    for (const Suffix& suffix : kSuffixes) {
      const std::string domain(suffix.domain);
      add("bedrock*.*-*-*." + domain);
      if (!suffix.dual_stack) add("vpce-*.bedrock*.*-*-*.vpce." + domain);
    }
    return made;
  }();
  return patterns;
}

std::span<const std::string_view> constraint_domains() noexcept {
  static constexpr auto domains = [] {
    std::array<std::string_view, kSuffixes.size()> names{};
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = kSuffixes[i].domain;
    return names;
  }();
  return domains;
}

}  // namespace borehole::bedrock
