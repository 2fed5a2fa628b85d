// The addresses of this machine's interfaces, looked up anew now and then. Never waits for anything outside the kernel.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/address.h"

namespace borehole::net {

// For one thread. Costs nothing until it is asked.
class OwnAddresses {
 public:
  static constexpr Duration fresh = std::chrono::seconds(5);

  // Whether a packet to that IP address stays in this machine; loopback addresses do.
  bool contain(const Address& address, TimePoint now);

 private:
  std::vector<std::string> ips_;
  std::optional<TimePoint> looked_;
};

}  // namespace borehole::net
