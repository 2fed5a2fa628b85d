#include "net/own_addresses.h"

#include <uv.h>

#include <algorithm>
#include <memory>

namespace borehole::net {

namespace {

std::vector<std::string> look_up() {
  uv_interface_address_t* found = nullptr;
  int count = 0;
  std::vector<std::string> ips;
  if (uv_interface_addresses(&found, &count) != 0) return ips;
  const auto free_all = [count](uv_interface_address_t* all) noexcept { uv_free_interface_addresses(all, count); };
  const std::unique_ptr<uv_interface_address_t, decltype(free_all)> owned(found, free_all);
  for (int i = 0; i < count; ++i) {
    if (const auto address = Address::from(reinterpret_cast<const sockaddr*>(&found[i].address)))
      ips.push_back(address->ip());
  }
  return ips;
}

}  // namespace

bool OwnAddresses::contain(const Address& address, TimePoint now) {
  if (address.kind() == AddressKind::loopback) return true;
  if (!looked_ || now - *looked_ >= fresh) {
    ips_ = look_up();
    looked_ = now;
  }
  return std::find(ips_.begin(), ips_.end(), address.ip()) != ips_.end();
}

}  // namespace borehole::net
