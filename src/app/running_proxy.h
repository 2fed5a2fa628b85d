// Finds a proxy of a configuration that runs already. Asks its admin port; sends nothing that would leave a record.
#pragma once

#include <optional>

#include "config/config.h"

namespace borehole::app {

// Where clients reach it. nullopt: none runs, it is not ready, it has another CA than the configuration's, or another
// program holds its port.
std::optional<config::HostPort> find_running_proxy(const config::Config& config);

// Its admin port, ready or not. nullopt: none answers there, or one with another CA.
std::optional<config::HostPort> find_running_admin(const config::Config& config);

// A connected socket that waits two seconds for what it sends and receives; -1: nothing answers there.
int dial(const config::HostPort& address);

}  // namespace borehole::app
