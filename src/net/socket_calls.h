// The few socket calls whose form differs between systems, as plain functions. Descriptors are close-on-exec.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <optional>

namespace borehole::net {

// A TCP socket, or -1 with errno.
int open_stream_socket(int family) noexcept;
// The next connection of a non-blocking listening socket, itself non-blocking; or -1 with errno.
int accept_stream(int listening, sockaddr_storage& remote) noexcept;
// Octets that the kernel has taken but the other side has not acknowledged. Nothing: the system does not tell.
std::optional<std::size_t> unacknowledged(int descriptor) noexcept;

}  // namespace borehole::net
