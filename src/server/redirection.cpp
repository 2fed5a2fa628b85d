#include "server/redirection.h"

namespace borehole::server {

std::optional<net::Address> meant_for(const std::optional<net::Address>& original, const net::Address& local,
                                      net::OwnAddresses& own, TimePoint now) {
  if (!original || *original == local) return std::nullopt;
  const std::uint16_t port = original->port();
  const bool any_hosts = port == 80 || port == 443;
  if (port == local.port() && !any_hosts) return std::nullopt;
  if (own.contain(*original, now)) return std::nullopt;
  return original;
}

}  // namespace borehole::server
