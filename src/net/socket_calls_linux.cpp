#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "net/socket_calls.h"

namespace borehole::net {

int open_stream_socket(int family) noexcept { return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int accept_stream(int listening, sockaddr_storage& remote) noexcept {
  socklen_t size = sizeof remote;
  return ::accept4(listening, reinterpret_cast<sockaddr*>(&remote), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

std::optional<std::size_t> unacknowledged(int descriptor) noexcept {
  int octets = 0;
  if (::ioctl(descriptor, SIOCOUTQ, &octets) != 0 || octets < 0) return std::nullopt;
  return static_cast<std::size_t>(octets);
}

}  // namespace borehole::net
