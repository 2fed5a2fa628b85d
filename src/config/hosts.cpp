#include "config/hosts.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "config/scalars.h"

namespace borehole::config {
namespace {

// An IP literal as octets: 4 or 16 of them.
struct Address {
  int family = AF_UNSPEC;
  std::array<unsigned char, 16> octets{};
  unsigned bits() const { return family == AF_INET ? 32 : 128; }
  std::string text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    return inet_ntop(family, octets.data(), buffer.data(), buffer.size());
  }
};

std::optional<Address> parse_address(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != terminated.npos) return std::nullopt;
  for (const int family : {AF_INET, AF_INET6}) {
    Address address{family, {}};
    if (inet_pton(family, terminated.c_str(), address.octets.data()) == 1) return address;
  }
  return std::nullopt;
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  if (value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

std::optional<std::string> canonical_address(std::string_view text) {
  const auto address = parse_address(text);
  if (!address) return std::nullopt;
  return address->text();
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::string_view label;
  for (std::size_t start = 0; start <= text.size();) {
    const auto dot = std::min(text.find('.', start), text.size());
    label = text.substr(start, dot - start);
    if (!is_label(label)) return false;
    start = dot + 1;
  }
  return !std::ranges::all_of(label, is_digit);
}

std::optional<HostPort> split_host_port(std::string_view text, std::optional<std::uint16_t> usual) {
  HostPort result;
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == text.npos) return std::nullopt;
    const auto address = parse_address(text.substr(1, close - 1));
    if (!address || address->family != AF_INET6) return std::nullopt;
    result.host = address->text();
    rest = text.substr(close + 1);
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    const auto host = text.substr(0, colon);
    if (const auto address = canonical_address(host)) {
      result.host = *address;
    } else if (is_host_name(host)) {
      result.host = lower_case(host);
    } else {
      return std::nullopt;
    }
    rest = text.substr(colon);
  }
  if (rest.empty()) {
    if (!usual) return std::nullopt;
    result.port = *usual;
    return result;
  }
  const auto port = rest.starts_with(':') ? parse_port(rest.substr(1)) : std::nullopt;
  if (!port) return std::nullopt;
  result.port = *port;
  return result;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      unsigned value = 0;
      const auto* first = text.data() + i + 1;
      if (text.size() - i < 3) return std::nullopt;
      const auto [end, error] = std::from_chars(first, first + 2, value, 16);
      if (error != std::errc{} || end != first + 2) return std::nullopt;
      c = static_cast<char>(value);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    decoded += c;
  }
  return decoded;
}

Parsed<HostPort> parse_host_port(std::string_view text, PortZero port_zero) {
  auto parsed = split_host_port(text, std::nullopt);
  if (!parsed) {
    if ((text.starts_with(':') && parse_port(text.substr(1))) || text.starts_with("*:"))
      return unexpected(std::string("lacks its host: write 0.0.0.0 or [::] for every interface, as in 0.0.0.0:5380"));
    return unexpected(std::string("must be HOST:PORT, such as 127.0.0.1:5380 or \"[::1]:5380\""));
  }
  if (parsed->port == 0 && port_zero == PortZero::refused)
    return unexpected(std::string("must name a port from 1 to 65535"));
  return *std::move(parsed);
}

Parsed<Network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  auto address = parse_address(text.substr(0, slash));
  if (!address) return unexpected(std::string("must be a network, such as 10.0.0.0/8, fd00::/8 or 192.0.2.7"));
  auto length = address->bits();
  if (slash != text.npos) {
    const auto digits = parse_port(text.substr(slash + 1));
    if (!digits || *digits > address->bits())
      return unexpected("must have a length from 0 to " + std::to_string(address->bits()) + " behind the slash");
    length = *digits;
  }
  const auto given = address->octets;
  for (unsigned bit = length; bit < address->bits(); ++bit)
    address->octets[bit / 8] = static_cast<unsigned char>(address->octets[bit / 8] & ~(0x80U >> (bit % 8)));
  auto canonical = address->text() + "/" + std::to_string(length);
  if (address->octets != given)
    return unexpected(std::string("has bits behind its length: write the network's first address, as in 10.0.0.0/8"));
  return Network{std::move(canonical)};
}

Parsed<std::string> parse_host_pattern(std::string_view text) {
  if (auto address = canonical_address(text)) return *std::move(address);
  std::string plain = lower_case(text);  // with each `*` as a letter it must be a host name
  std::ranges::replace(plain, '*', 'x');
  if (!is_host_name(plain))
    return unexpected(
        std::string("must be a host name in which * may stand for characters between two dots, such as "
                    "bedrock-runtime.*.amazonaws.com; no scheme, "
                    "no port"));
  return lower_case(text);
}

Parsed<ResolveRule> parse_resolve_from(std::string_view text) {
  const auto colon = text.rfind(':');
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != host.npos)
    host = {};
  const auto pattern = parse_host_pattern(host);
  const auto port = colon == text.npos ? std::nullopt : parse_port(text.substr(colon + 1));
  if (!pattern || !port || *port == 0)
    return unexpected(std::string("must be \"host:port\", * allowed in the host, such as \"*.amazonaws.com:443\""));
  return ResolveRule{*pattern, *port, {}};
}

Parsed<HostPort> parse_resolve_to(std::string_view text) {
  auto parsed = split_host_port(text, std::nullopt);
  if (!parsed || parsed->port == 0 || !canonical_address(parsed->host))
    return unexpected(std::string("must be \"address:port\" with an IP address, such as \"127.0.0.1:8443\""));
  return *std::move(parsed);
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  const auto address = parse_address(host);
  if (!address) return false;
  if (address->family == AF_INET) return address->octets[0] == 127;
  constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 section 2.5.5.2
  if (std::memcmp(address->octets.data(), mapped.data(), mapped.size()) == 0) return address->octets[12] == 127;
  return address->text() == "::1";
}

}  // namespace borehole::config
