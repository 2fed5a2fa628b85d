#include "net/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace borehole::net {

namespace {

using Octets4 = std::array<std::uint8_t, 4>;
using Octets16 = std::array<std::uint8_t, 16>;

const sockaddr_in& v4_of(const sockaddr_storage& storage) noexcept {
  return *reinterpret_cast<const sockaddr_in*>(&storage);
}
const sockaddr_in6& v6_of(const sockaddr_storage& storage) noexcept {
  return *reinterpret_cast<const sockaddr_in6*>(&storage);
}

Octets4 octets4(const sockaddr* address) noexcept {
  Octets4 octets;
  std::memcpy(octets.data(), &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, octets.size());
  return octets;
}

Octets16 octets16(const sockaddr* address) noexcept {
  Octets16 octets;
  std::memcpy(octets.data(), &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, octets.size());
  return octets;
}

AddressKind kind_of(const Octets4& ip) noexcept {
  if (ip[0] == 0) return AddressKind::unspecified;
  if (ip[0] == 127) return AddressKind::loopback;
  if (ip[0] == 169 && ip[1] == 254) return AddressKind::link_local;
  if (ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168) ||
      (ip[0] == 100 && (ip[1] & 0xc0) == 64))
    return AddressKind::private_use;
  if ((ip[0] & 0xf0) == 0xe0) return AddressKind::multicast;
  if ((ip[0] & 0xf0) == 0xf0) return AddressKind::reserved;
  return AddressKind::global;
}

template <std::size_t N>
bool starts_with(const Octets16& ip, const std::array<std::uint8_t, N>& prefix) noexcept {
  return std::equal(prefix.begin(), prefix.end(), ip.begin());
}

bool zero(const Octets16& ip, std::size_t from, std::size_t to) noexcept {
  return std::all_of(ip.data() + from, ip.data() + to, [](std::uint8_t octet) { return octet == 0; });
}

bool mapped(const Octets16& ip) noexcept { return zero(ip, 0, 10) && ip[10] == 0xff && ip[11] == 0xff; }

// The IPv4 address that a packet to this IPv6 address may end at.
std::optional<Octets4> embedded(const Octets16& ip) noexcept {
  constexpr std::array<std::uint8_t, 2> six_to_four = {0x20, 0x02};                       // RFC 3056
  constexpr std::array<std::uint8_t, 4> nat64 = {0x00, 0x64, 0xff, 0x9b};                 // RFC 6052
  constexpr std::array<std::uint8_t, 6> local_nat64 = {0x00, 0x64, 0xff, 0x9b, 0, 0x01};  // RFC 8215
  const Octets4 last = {ip[12], ip[13], ip[14], ip[15]};
  if (starts_with(ip, six_to_four)) return Octets4{ip[2], ip[3], ip[4], ip[5]};
  if (starts_with(ip, nat64) && zero(ip, 4, 12)) return last;
  if (starts_with(ip, local_nat64)) return last;
  if (mapped(ip)) return last;
  if (zero(ip, 0, 8) && ip[8] == 0xff && ip[9] == 0xff && zero(ip, 10, 12)) return last;  // RFC 2765
  if (zero(ip, 0, 12) && !zero(ip, 12, 15)) return last;                                  // RFC 4291 section 2.5.5.1
  if (zero(ip, 0, 15) && ip[15] > 1) return last;
  return std::nullopt;
}

AddressKind kind_of(const Octets16& ip) noexcept {
  if (zero(ip, 0, 15) && ip[15] == 1) return AddressKind::loopback;
  if (zero(ip, 0, 16)) return AddressKind::unspecified;
  if (const auto inside = embedded(ip)) return kind_of(*inside);
  if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) return AddressKind::link_local;
  if (ip[0] == 0xff) return AddressKind::multicast;
  constexpr std::array<std::uint8_t, 4> amazon = {0xfd, 0x00, 0x0e, 0xc2};
  if (starts_with(ip, amazon) && zero(ip, 4, 14)) {
    if (ip[14] == 0x02 && ip[15] == 0x54) return AddressKind::metadata;  // instances
    if (ip[14] == 0x00 && ip[15] == 0x23) return AddressKind::metadata;  // containers (EKS Pod Identity)
  }
  if ((ip[0] & 0xfe) == 0xfc) return AddressKind::private_use;
  if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0xc0) return AddressKind::private_use;  // site-local, RFC 3879
  return AddressKind::global;
}

bool prefix_equal(const std::uint8_t* a, const std::uint8_t* b, unsigned bits) noexcept {
  const unsigned whole = bits / 8;
  if (std::memcmp(a, b, whole) != 0) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

}  // namespace

std::optional<Address> Address::parse(const std::string& ip_literal, std::uint16_t port) {
  if (ip_literal.find('\0') != std::string::npos) return std::nullopt;
  Address out;
  sockaddr_in v4{};
  if (inet_pton(AF_INET, ip_literal.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&out.storage_, &v4, sizeof v4);
    return out;
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, ip_literal.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&out.storage_, &v6, sizeof v6);
    return out;
  }
  return std::nullopt;
}

std::optional<Address> Address::from(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  Address out;
  if (address->sa_family == AF_INET) {
    std::memcpy(&out.storage_, address, sizeof(sockaddr_in));
  } else if (address->sa_family == AF_INET6) {
    std::memcpy(&out.storage_, address, sizeof(sockaddr_in6));
  } else {
    return std::nullopt;
  }
  return out;
}

AddressKind Address::kind() const noexcept {
  if (storage_.ss_family == AF_INET) return kind_of(octets4(data()));
  if (storage_.ss_family == AF_INET6) return kind_of(octets16(data()));
  return AddressKind::unspecified;
}

std::string Address::ip() const {
  char text[INET6_ADDRSTRLEN] = {};
  const void* octets = nullptr;
  if (storage_.ss_family == AF_INET) octets = &v4_of(storage_).sin_addr;
  if (storage_.ss_family == AF_INET6) octets = &v6_of(storage_).sin6_addr;
  if (octets == nullptr || inet_ntop(storage_.ss_family, octets, text, sizeof text) == nullptr) return {};
  return text;
}

std::uint16_t Address::port() const noexcept {
  if (storage_.ss_family == AF_INET) return ntohs(v4_of(storage_).sin_port);
  if (storage_.ss_family == AF_INET6) return ntohs(v6_of(storage_).sin6_port);
  return 0;
}

bool Address::is_v6() const noexcept { return storage_.ss_family == AF_INET6; }

std::string Address::to_string() const {
  return is_v6() ? fmt::format("[{}]:{}", ip(), port()) : fmt::format("{}:{}", ip(), port());
}

std::string Address::holder() const {
  const auto text = [](const auto& octets, std::size_t from, std::size_t to) {
    return std::string(octets.begin() + static_cast<std::ptrdiff_t>(from),
                       octets.begin() + static_cast<std::ptrdiff_t>(to));
  };
  if (storage_.ss_family == AF_INET) return text(octets4(data()), 0, 4);
  if (storage_.ss_family != AF_INET6) return {};
  const auto octets = octets16(data());
  return mapped(octets) ? text(octets, 12, 16) : text(octets, 0, 8);
}

const sockaddr* Address::data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }

socklen_t Address::size() const noexcept { return is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }

bool operator==(const Address& a, const Address& b) noexcept {
  if (a.storage_.ss_family != b.storage_.ss_family || a.port() != b.port()) return false;
  if (a.storage_.ss_family == AF_INET) return octets4(a.data()) == octets4(b.data());
  if (a.storage_.ss_family != AF_INET6) return true;
  return octets16(a.data()) == octets16(b.data()) && v6_of(a.storage_).sin6_scope_id == v6_of(b.storage_).sin6_scope_id;
}

std::optional<AddressRange> AddressRange::parse(const std::string& text) {
  const auto slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash), 0);
  if (!address) return std::nullopt;
  const unsigned whole = address->is_v6() ? 128 : 32;
  unsigned bits = whole;
  if (slash != std::string::npos) {
    const std::string digits = text.substr(slash + 1);
    if (digits.empty() || digits.size() > 3) return std::nullopt;
    bits = 0;
    for (const char digit : digits) {
      if (digit < '0' || digit > '9') return std::nullopt;
      bits = bits * 10 + static_cast<unsigned>(digit - '0');
    }
    if (bits > whole) return std::nullopt;
  }
  AddressRange out;
  out.bits_ = bits;
  if (!address->is_v6()) {
    const auto octets = octets4(address->data());
    std::copy(octets.begin(), octets.end(), out.bytes_);
    return out;
  }
  const auto octets = octets16(address->data());
  if (mapped(octets) && bits >= 96) {
    std::copy(octets.begin() + 12, octets.end(), out.bytes_);
    out.bits_ = bits - 96;
    return out;
  }
  out.v6_ = true;
  std::copy(octets.begin(), octets.end(), out.bytes_);
  return out;
}

bool AddressRange::contains(const Address& address) const noexcept {
  if (!address.is_v6()) return !v6_ && prefix_equal(bytes_, octets4(address.data()).data(), bits_);
  const auto octets = octets16(address.data());
  if (mapped(octets)) return !v6_ && prefix_equal(bytes_, octets.data() + 12, bits_);
  return v6_ && prefix_equal(bytes_, octets.data(), bits_);
}

}  // namespace borehole::net
