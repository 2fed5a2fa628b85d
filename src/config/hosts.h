// Hosts, ports, addresses and networks as text: is this one, and its canonical form. Never looks a name up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace borehole::config {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
std::string lower_case(std::string_view text);  // ASCII only

// 0 to 65535, digits alone, no sign.
std::optional<std::uint16_t> parse_port(std::string_view text);
// The canonical text of an IPv4 or IPv6 literal (no brackets, no zone); nothing if it is neither.
std::optional<std::string> canonical_address(std::string_view text);
// A DNS name (RFC 1123 section 2.1, `_` allowed), without final dot; one that ends in digits alone is a mistyped
// address.
bool is_host_name(std::string_view text);
// HOST[:PORT], IPv6 in brackets; `usual` where there is no port, and an error where there is no `usual`.
std::optional<HostPort> split_host_port(std::string_view text, std::optional<std::uint16_t> usual);
// %XX decoded (RFC 3986 section 2.1); nothing if a `%` is not followed by two hex digits, or for a control character.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace borehole::config
