#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>

#include "app/service_manager.h"

namespace borehole::app {

namespace {

std::string datagram(ServiceState state) {
  switch (state) {
    case ServiceState::ready: return "READY=1";
    case ServiceState::stopping: return "STOPPING=1";
    case ServiceState::reloading: {
      timespec now{};
      clock_gettime(CLOCK_MONOTONIC, &now);
      return fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1'000);
    }
  }
  return {};
}

}  // namespace

void tell_service_manager(ServiceState state) noexcept try {
  const char* name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr) return;
  const std::string_view path(name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // unix(7): an abstract address
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return;
  const std::string text = datagram(state);
  (void)sendto(descriptor, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
  close(descriptor);
} catch (...) {  // out of memory: systemd waits in vain, the proxy does not
}

}  // namespace borehole::app
