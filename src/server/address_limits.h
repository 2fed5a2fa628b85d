// What the clients of one address may take up: connections at a time, and new ones a second. Shared by the workers;
// never touches a connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/keyed_rate.h"
#include "config/config.h"
#include "net/address.h"

namespace borehole::server {

class AddressLimits {
 public:
  enum class Verdict : std::uint8_t { welcome, too_many, too_fast };
  struct Limits {  // 0: none
    std::size_t connections = 0;
    std::size_t per_second = 0;
  };
  // The configuration's; where it names none, clients on this machine have none.
  static Limits limits_for(const net::Address& client, const config::Config& config);

  // Any thread. What came is counted whatever the verdict is, until it `went`; where memory runs out (std::bad_alloc)
  // it is not. `holder` is the client's (net::Address::holder).
  Verdict came(const std::string& holder, const Limits& limits, TimePoint now);
  void went(const std::string& holder) noexcept;

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> open_;  // as many as there are connections at most
  KeyedRate rate_{16 * 1024};
};

}  // namespace borehole::server
