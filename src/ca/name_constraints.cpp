#include "ca/name_constraints.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/nid.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/log.h"
#include "ca/der.h"

namespace borehole::ca {
namespace {

constexpr std::size_t max_host_name = 253;
constexpr std::size_t max_label = 63;

struct Range {
  std::string address;  // 4 or 16 octets
  std::string mask;     // as many
};

std::string mask_of(std::size_t octets, unsigned prefix) {
  std::string mask(octets, '\0');
  for (unsigned bit = 0; bit < prefix; ++bit) {
    mask[bit / 8] = static_cast<char>(static_cast<unsigned char>(mask[bit / 8]) | (0x80U >> (bit % 8)));
  }
  return mask;
}

bool contains(const Range& range, const std::string& address) {
  if (address.size() != range.address.size()) return false;
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (((address[i] ^ range.address[i]) & range.mask[i]) != 0) return false;
  }
  return true;
}

// "10.0.0.0/8", "::1/128", or one address. Bits behind the prefix are cleared: some verifiers demand that.
std::optional<Range> parse_range(const std::string& text) {
  const std::size_t slash = text.find('/');
  Range range{address_octets(text.substr(0, slash)), {}};
  if (range.address.empty()) return std::nullopt;
  auto prefix = static_cast<unsigned>(range.address.size() * 8);
  if (slash != std::string::npos) {
    const char* end = text.data() + text.size();
    unsigned number = 0;
    const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, number);
    if (error != std::errc() || stop != end || number > prefix) return std::nullopt;
    prefix = number;
  }
  range.mask = mask_of(range.address.size(), prefix);
  for (std::size_t i = 0; i < range.address.size(); ++i) {
    range.address[i] = static_cast<char>(range.address[i] & range.mask[i]);
  }
  return range;
}

std::optional<std::string> range_text(Bytes octets) {
  if (octets.size() != 8 && octets.size() != 32) return std::nullopt;
  const std::size_t half = octets.size() / 2;
  const Bytes mask = octets.substr(half);
  unsigned prefix = 0;
  while (prefix < half * 8 && (static_cast<unsigned char>(mask[prefix / 8]) & (0x80U >> (prefix % 8))) != 0) ++prefix;
  if (mask != mask_of(half, prefix)) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> address{};
  inet_ntop(half == 4 ? AF_INET : AF_INET6, octets.data(), address.data(), address.size());
  return fmt::format("{}/{}", address.data(), prefix);
}

// GeneralSubtree ::= SEQUENCE { base GeneralName, … }; dNSName is [2], iPAddress [7].
std::string dns_subtree(Bytes domain) { return der::value(der::sequence, der::value(der::context | 2U, domain)); }
std::string ip_subtree(Bytes range) { return der::value(der::sequence, der::value(der::context | 7U, range)); }

Bytes octets_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

Error config_error(std::string detail) { return {ErrorCode::config_invalid, Fault::proxy, std::move(detail)}; }

}  // namespace

std::string address_octets(const std::string& literal) {
  std::string text = literal;
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  std::array<char, 16> octets{};
  if (inet_pton(AF_INET, text.c_str(), octets.data()) == 1) return {octets.data(), 4};
  if (inet_pton(AF_INET6, text.c_str(), octets.data()) == 1) return {octets.data(), 16};
  return {};
}

std::string canonical_host(const std::string& name) {
  std::string host = name;
  if (!host.empty() && host.back() == '.') host.pop_back();
  if (host.empty() || host.size() > max_host_name) return {};
  std::size_t label = 0;
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '.') {
      if (label == 0) return {};
      label = 0;
      continue;
    }
    const bool legal = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!legal || ++label > max_label) return {};
  }
  return label == 0 ? std::string() : host;
}

bool permits(const NameConstraints& constraints, const std::string& name) {
  if (const std::string address = address_octets(name); !address.empty()) {
    return std::any_of(constraints.ip.begin(), constraints.ip.end(), [&](const std::string& text) {
      const auto range = parse_range(text);
      return range && contains(*range, address);
    });
  }
  const std::string host = canonical_host(name);
  if (host.empty()) return false;
  return std::any_of(constraints.dns.begin(), constraints.dns.end(), [&](const std::string& text) {
    const std::string domain = canonical_host(text);
    if (domain.empty() || host.size() < domain.size()) return false;
    if (host.compare(host.size() - domain.size(), domain.size(), domain) != 0) return false;
    return host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.';
  });
}

Result<std::string> encode_constraints(const NameConstraints& constraints) {
  if (constraints.dns.empty() && constraints.ip.empty()) {
    return unexpected(config_error("the CA needs at least one domain or address range that it may vouch for"));
  }
  std::string permitted;
  std::string excluded;
  for (const std::string& text : constraints.dns) {
    const std::string domain = address_octets(text).empty() ? canonical_host(text) : "";
    if (domain.empty()) {
      return unexpected(config_error(fmt::format("\"{}\" is no domain that a CA could vouch for", log::escaped(text))));
    }
    permitted += dns_subtree(domain);
  }
  for (const std::string& text : constraints.ip) {
    const auto range = parse_range(text);
    if (!range) {
      return unexpected(config_error(fmt::format("\"{}\" is no address range like 127.0.0.0/8", log::escaped(text))));
    }
    permitted += ip_subtree(range->address + range->mask);
  }
  if (constraints.dns.empty()) excluded += dns_subtree("");
  if (constraints.ip.empty()) excluded += ip_subtree(std::string(8, '\0')) + ip_subtree(std::string(32, '\0'));

  std::string body = der::value(der::context_constructed | 0U, permitted);
  if (!excluded.empty()) body += der::value(der::context_constructed | 1U, excluded);
  return der::value(der::sequence, body);
}

Result<NameConstraints> read_constraints(X509& certificate) {
  const auto invalid = [](const char* what) { return unexpected(Error{ErrorCode::ca_invalid, Fault::proxy, what}); };
  int critical = 0;
  bssl::UniquePtr<NAME_CONSTRAINTS> found(
      static_cast<NAME_CONSTRAINTS*>(X509_get_ext_d2i(&certificate, NID_name_constraints, &critical, nullptr)));
  if (!found || critical != 1 || found->permittedSubtrees == nullptr)
    return invalid("has no critical name constraints");
  NameConstraints constraints;
  for (std::size_t i = 0; i < sk_GENERAL_SUBTREE_num(found->permittedSubtrees); ++i) {
    const GENERAL_NAME* base = sk_GENERAL_SUBTREE_value(found->permittedSubtrees, i)->base;
    if (base->type == GEN_DNS) {
      constraints.dns.emplace_back(octets_of(base->d.dNSName));
    } else if (base->type == GEN_IPADD) {
      const auto text = range_text(octets_of(base->d.iPAddress));
      if (!text) return invalid("has an address range that cannot be read");
      constraints.ip.push_back(*text);
    } else {
      return invalid("has name constraints of an unknown kind");
    }
  }
  return constraints;
}

}  // namespace borehole::ca
