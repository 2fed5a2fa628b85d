// Which processes of this machine hold the other ends of connections. Knows only what the system shows to this user.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/address.h"

namespace borehole::net {

struct SocketOwner {
  std::int64_t pid = 0;
  std::string name;  // as the system calls it: "python3"
};

struct ConnectionEnds {
  Address remote, local;  // as an accepted socket has them
};

// Whether the other end can lie in this machine at all.
bool from_this_machine(const ConnectionEnds& connection) noexcept;

// For one thread at a time. Looks at the processes first that it found last.
class SocketOwners {
 public:
  SocketOwners();
  ~SocketOwners();
  // One answer for each, in order; all come from one look through the processes, which takes some milliseconds, and is
  // broken off after `patience`. Not for a loop.
  std::vector<std::optional<SocketOwner>> find(const std::vector<ConnectionEnds>& connections, Duration patience);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::net
