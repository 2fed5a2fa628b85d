// Where a connection was going before this machine's firewall led it to another socket. Knows nothing of whose rule it
// was, or why.
#pragma once

#include <optional>

#include "net/address.h"

namespace borehole::net {

// Of an accepted connection, as the kernel's connection tracking remembers it; equal to the local address where nothing
// was changed on the way. Nothing: the system does not tell.
std::optional<Address> original_destination(int descriptor, bool v6) noexcept;

}  // namespace borehole::net
