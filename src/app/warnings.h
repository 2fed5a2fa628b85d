// What is legal in a configuration and probably not meant. Never refuses anything.
#pragma once

#include <vector>

#include "config/load.h"
#include "proxy/policy.h"

namespace borehole::app {

// Each with the place of what it is about, where that was given; `loaded` is what `policy` was made of.
std::vector<config::Problem> warnings(const proxy::Policy& policy, const config::Loaded& loaded);

}  // namespace borehole::app
