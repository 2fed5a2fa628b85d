// Tells connections that a firewall rule took from another host from those that were meant for borehole. Decides
// nothing about what becomes of them.
#pragma once

#include <optional>

#include "base/clock.h"
#include "net/address.h"
#include "net/own_addresses.h"

namespace borehole::server {

// The host that an accepted connection was meant for, given where it was going and where it was accepted. Nothing: for
// borehole. So are those to an address of this machine (its port was forwarded), and those to this very port elsewhere
// (a service address that stands for this machine), unless it is a port that every host has.
std::optional<net::Address> meant_for(const std::optional<net::Address>& original, const net::Address& local,
                                      net::OwnAddresses& own, TimePoint now);

}  // namespace borehole::server
