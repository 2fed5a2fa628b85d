#include "net/original_destination.h"

#include <netinet/in.h>
#include <sys/socket.h>

namespace borehole::net {

std::optional<Address> original_destination(int descriptor, bool v6) noexcept {
  // SO_ORIGINAL_DST of linux/netfilter_ipv4.h, IP6T_SO_ORIGINAL_DST of linux/netfilter_ipv6/ip6_tables.h: headers that
  // clash with <netinet/in.h>.
  constexpr int original = 80;
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockopt(descriptor, v6 ? IPPROTO_IPV6 : IPPROTO_IP, original, &storage, &size) != 0) return std::nullopt;
  return Address::from(reinterpret_cast<const sockaddr*>(&storage));
}

}  // namespace borehole::net
