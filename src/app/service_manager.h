// Tells systemd how the program fares (sd_notify(3)), where systemd asked for it. Never fails, never waits.
#pragma once

#include <cstdint>

namespace borehole::app {

enum class ServiceState : std::uint8_t { ready, reloading, stopping };

void tell_service_manager(ServiceState state) noexcept;

}  // namespace borehole::app
