// Finds a proxy of a configuration that runs already. Asks its admin port; sends nothing that would leave a record.
#pragma once

#include <optional>

#include "config/config.h"

namespace borehole::app {

// Where clients reach it. nullopt: none runs, it is not ready, it has another CA than the configuration's, or another
// program holds its port.
std::optional<config::HostPort> find_running_proxy(const config::Config& config);

}  // namespace borehole::app
