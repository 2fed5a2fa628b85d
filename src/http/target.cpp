#include "http/target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "http/head.h"
#include "http/syntax.h"

namespace borehole::http {

namespace {

constexpr std::size_t max_host_size = 253;  // RFC 1035 section 2.3.4, in text
constexpr std::size_t max_label_size = 63;

bool is_ipv6(const std::string& text) noexcept {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

// Four decimal octets without leading zeros: the only spelling that every resolver reads alike.
bool is_ipv4(const std::string& text) noexcept {
  std::array<unsigned char, sizeof(in_addr)> address{};
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1;
}

// Would some resolver read a host with this last label as a number (127.1, 0x7f000001, 2130706433)?
bool is_number_like(Bytes label) noexcept {
  if (is_all_digits(label)) return true;
  if (label.size() < 2 || label[0] != '0' || label[1] != 'x') return false;
  return std::all_of(label.begin() + 2, label.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_name_char(char c) noexcept { return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; }

bool set_host(Authority& authority, Bytes text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > max_host_size) return false;
  if (!std::all_of(text.begin(), text.end(), is_name_char)) return false;
  authority.host.resize(text.size());
  std::transform(text.begin(), text.end(), authority.host.begin(), to_lower);
  Bytes rest = authority.host;
  Bytes label;
  while (true) {
    const std::size_t dot = rest.find('.');
    label = rest.substr(0, dot);
    if (label.empty() || label.size() > max_label_size) return false;
    if (dot == Bytes::npos) break;
    rest.remove_prefix(dot + 1);
  }
  authority.is_ip = is_digit(authority.host.front()) && is_ipv4(authority.host);
  return authority.is_ip || !is_number_like(label);
}

bool set_ipv6(Authority& authority, Bytes text) {
  authority.host.resize(text.size());
  std::transform(text.begin(), text.end(), authority.host.begin(), to_lower);
  authority.is_ip = true;
  return text.find('\0') == Bytes::npos && is_ipv6(authority.host);
}

// An empty port is the default port (RFC 3986 section 3.2.3).
bool set_port(Authority& authority, Bytes digits, std::uint16_t default_port) noexcept {
  authority.port = default_port;
  if (digits.empty()) return true;
  if (digits.size() > 5 || !is_all_digits(digits)) return false;
  std::uint32_t port = 0;
  for (const char c : digits) port = port * 10 + static_cast<std::uint32_t>(c - '0');
  if (port == 0 || port > 65535) return false;
  authority.port = static_cast<std::uint16_t>(port);
  authority.port_given = true;
  return true;
}

}  // namespace

std::optional<Authority> parse_authority(Bytes text, std::uint16_t default_port) {
  Authority authority;
  std::size_t host_end = 0;
  if (!text.empty() && text.front() == '[') {
    const std::size_t bracket = text.find(']');
    if (bracket == Bytes::npos || !set_ipv6(authority, text.substr(1, bracket - 1))) return std::nullopt;
    host_end = bracket + 1;
  } else {
    host_end = std::min(text.find(':'), text.size());
    if (!set_host(authority, text.substr(0, host_end))) return std::nullopt;
  }
  Bytes port = text.substr(host_end);
  if (!port.empty()) {
    if (port.front() != ':') return std::nullopt;
    port.remove_prefix(1);
  }
  if (!set_port(authority, port, default_port)) return std::nullopt;
  return authority;
}

std::string to_string(const Authority& authority) {
  const bool v6 = authority.host.find(':') != std::string::npos;
  std::string text;
  text.reserve(authority.host.size() + 8);
  if (v6) text += '[';
  text += authority.host;
  if (v6) text += ']';
  text += ':';
  text += std::to_string(authority.port);
  return text;
}

std::optional<Target> split_target(Bytes method, Bytes target) {
  if (target.empty() || !is_target_text(target) || target.find('#') != Bytes::npos) return std::nullopt;
  Target split;
  if (method == "CONNECT") {
    const auto authority = parse_authority(target, 0);
    if (!authority || !authority->port_given) return std::nullopt;
    split.form = TargetForm::authority;
    split.authority = target;
    return split;
  }
  if (target == "*") {
    if (method != "OPTIONS") return std::nullopt;
    split.form = TargetForm::asterisk;
    return split;
  }
  if (target.front() == '/') {
    split.form = TargetForm::origin;
    split.origin = target;
    return split;
  }
  const std::size_t colon = target.find("://");
  if (colon == Bytes::npos) return std::nullopt;
  split.form = TargetForm::absolute;
  split.scheme = target.substr(0, colon);
  if (!same_name(split.scheme, "http") && !same_name(split.scheme, "https")) return std::nullopt;
  const Bytes rest = target.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  split.authority = rest.substr(0, end);
  split.origin = rest.substr(end);
  if (!parse_authority(split.authority, 1)) return std::nullopt;
  return split;
}

Bytes path_of(Bytes origin) { return origin.substr(0, origin.find('?')); }

}  // namespace borehole::http
