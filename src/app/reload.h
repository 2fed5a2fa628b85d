// What a configuration that was read again may change while the proxy runs, and what must wait for a restart. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace borehole::app {

// The keys that a reload puts in force, for calls on connections that come from then on (`log` and `record.keep` at
// once), and those that it cannot. Together they are all keys there are.
std::vector<std::string_view> reloadable_keys();
std::vector<std::string_view> restart_keys();

// Names the keys of the second kind that differ, and what to do; empty: none does.
std::string waits_for_restart(const config::Config& running, const config::Config& next);

// Why `next` may not be put in force though it is sound by itself: the listeners that run stay open to other machines,
// and nobody would be asked who he is. Empty: it may.
std::string would_let_in(const config::Config& running, const config::Config& next);

}  // namespace borehole::app
