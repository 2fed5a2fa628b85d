// Who listens on an address already, for the error that says so. Knows only what the system shows to this user.
#pragma once

#include <string>

#include "net/address.h"

namespace borehole::net {

// "nginx (process 123)", "a process of user 0"; empty: nobody but this process, or the system does not tell.
std::string foreign_listener(const Address& address);

}  // namespace borehole::net
