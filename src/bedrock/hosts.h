// Which host names are Bedrock endpoints, and the patterns that choose hosts to intercept; never resolves a name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace borehole::bedrock {

struct Endpoint {
  std::string service;    // "bedrock-runtime", "bedrock", "bedrock-mantle", …; without "-fips"
  std::string region;     // "us-east-1"
  std::string partition;  // "aws", "aws-cn", "aws-us-gov", …
  bool fips = false;
  bool dual_stack = false;  // by its DNS suffix; Mantle has no other
  bool vpc = false;         // an interface endpoint's own name (vpce-….vpce.amazonaws.com)
};

// Reads a host name as endpoint of any Bedrock service in any partition, also of services that are not known yet
// (`bedrock-anything`). Ignores case, one trailing dot and a port. nullopt for every other host.
std::optional<Endpoint> parse_endpoint(std::string_view host);

// A host name in which `*` stands for any run of octets within one label, also an empty one: `bedrock*.*.api.aws`.
// A label that is only `*` stands for a label that is not empty. Comparison ignores case and one trailing dot.
class HostPattern {
 public:
  // An error names what is wrong: empty, an empty label, an octet that no host name has. IP addresses are fine.
  static Result<HostPattern> parse(std::string_view text);

  bool matches(std::string_view host) const noexcept;

  // Whether every name that it matches is `domain` or lies below it: what a CA's name constraints must permit.
  bool is_within(std::string_view domain) const noexcept;

  // Lower case, without trailing dot.
  const std::string& text() const noexcept { return text_; }

 private:
  explicit HostPattern(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

bool matches(std::span<const HostPattern> patterns, std::string_view host) noexcept;

// Covers every Bedrock endpoint: all partitions, FIPS, dual-stack, VPC interface endpoints, Mantle. The label of the
// region holds two dashes, so that S3 buckets named bedrock… (bedrock-x.s3.amazonaws.com) are left alone.
const std::vector<HostPattern>& default_intercept_patterns();

// The DNS domains below which all names of the default patterns lie; none lies in another.
std::span<const std::string_view> constraint_domains() noexcept;

}  // namespace borehole::bedrock
