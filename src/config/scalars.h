// What a configuration value may say: sizes, durations, addresses, URLs, patterns, from text. Pure; never reads a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace borehole::config {

// The error completes "KEY ('TEXT') …": what is wanted, with an example. It never holds the text itself, which may be a
// secret.
template <class T>
using Parsed = Result<T, std::string>;

inline constexpr std::size_t kibi = 1024;

// "4096", "64KiB", "1MiB", "2GiB", "10MB", "1kB"; whole numbers, no space.
Parsed<std::size_t> parse_size(std::string_view text);
// "500ms", "10s", "5m", "1h"; whole numbers, the unit is required.
Parsed<Millis> parse_duration(std::string_view text);
// Digits alone, within [least, most].
Parsed<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most);
// Only `true` and `false`.
Parsed<bool> parse_bool(std::string_view text);

// "HOST:PORT", "[IPv6]:PORT". Port 0 only where it means "any free one".
enum class PortZero : std::uint8_t { allowed, refused };
Parsed<HostPort> parse_host_port(std::string_view text, PortZero port_zero);
// "443", "1024-65535"
Parsed<PortRange> parse_port_range(std::string_view text);
// "10.0.0.0/8", "::1/128", "192.0.2.7"; comes out canonical and with its length. Bits behind the length are an error.
Parsed<Network> parse_network(std::string_view text);
// The two halves of a resolve rule: "host:port", `*` allowed in host; "address:port".
Parsed<ResolveRule> parse_resolve_from(std::string_view text);
Parsed<HostPort> parse_resolve_to(std::string_view text);
// A host name in which `*` stands for any run of characters within a label, or an IP literal; lower case.
Parsed<std::string> parse_host_pattern(std::string_view text);

// "/", "/service/standard/": what a raw request target may begin with.
Parsed<std::string> parse_router_path(std::string_view text);
// "https://host", "http://host:port"
struct Origin {
  std::string scheme;
  HostPort address;
};
Parsed<Origin> parse_origin(std::string_view text);
// "http://[user:pass@]host:port", user and password percent-encoded (RFC 3986 section 2.1).
Parsed<UpstreamProxy> parse_proxy_url(std::string_view text);

// A field name (RFC 9110 section 5.6.2), lower-cased.
Parsed<std::string> parse_header_name(std::string_view text);
// A field name for answers, in the case it was written in; none that frames a message or belongs to one connection.
Parsed<std::string> parse_answer_header(std::string_view text);
// A field value: no control characters, no blank at either end.
Parsed<std::string> parse_header_value(std::string_view text);

// An access key id, or the name of a long-term API key ("BedrockAPIKey-a1b2-at-123456789012"); never a key itself.
Parsed<std::string> parse_key_identity(std::string_view text);
// What a person calls a key: up to 64 characters, none of which a terminal would take for a command.
Parsed<std::string> parse_key_alias(std::string_view text);

// 127.0.0.0/8, ::1, the same mapped into IPv6, and localhost with its subdomains (RFC 6761 section 6.3).
bool is_loopback(std::string_view host);

}  // namespace borehole::config
