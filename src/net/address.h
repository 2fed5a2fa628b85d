// An IP address and port, and what kind of network it lies in. Never a name.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace borehole::net {

enum class AddressKind : std::uint8_t {
  global,       // everything else
  private_use,  // RFC 1918, RFC 4193, 100.64.0.0/10: allowed upstreams (VPC endpoints live there)
  loopback,     // 127.0.0.0/8, ::1
  link_local,   // 169.254.0.0/16, fe80::/10
  metadata,     // fd00:ec2::254, fd00:ec2::23 (the IPv4 ones are link-local)
  multicast,
  unspecified,  // 0.0.0.0/8, ::
  reserved,     // 240.0.0.0/4, broadcast
};

class Address {
 public:
  static std::optional<Address> parse(const std::string& ip_literal, std::uint16_t port);  // no brackets, no names
  static std::optional<Address> from(const sockaddr* address);

  AddressKind kind() const
      noexcept;  // IPv4-mapped, IPv4-compatible, NAT64 (64:ff9b::/96) and 6to4 forms count as the IPv4 address inside
  std::string ip() const;
  std::uint16_t port() const noexcept;
  bool is_v6() const noexcept;
  std::string holder() const;     // octets that all addresses of one holder share: an IPv4 address, a /64 of IPv6
  std::string to_string() const;  // "192.0.2.1:443", "[2001:db8::1]:443"
  const sockaddr* data() const noexcept;
  socklen_t size() const noexcept;
  friend bool operator==(const Address& a, const Address& b) noexcept;

 private:
  sockaddr_storage storage_{};
};

// "10.0.0.0/8", "::1/128", "192.0.2.1" (a whole address).
class AddressRange {
 public:
  static std::optional<AddressRange> parse(const std::string& text);
  bool contains(const Address& address) const noexcept;  // IPv4-mapped addresses match IPv4 ranges

 private:
  std::uint8_t bytes_[16] = {};
  unsigned bits_ = 0;
  bool v6_ = false;
};

}  // namespace borehole::net
