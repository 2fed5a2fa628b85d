// The machine's TCP sockets as the system lists them, and whose the other end of a connection is. Knows only what the
// system shows to this user.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "net/address.h"

namespace borehole::net {

struct ListedSocket {
  Address local, remote;
  bool listening = false;
  std::uint32_t user = 0;  // 0 also where the socket was left behind by its process
  std::string inode;
};

// All that lie in this process's network. With many connections it takes a while: not for a loop. `port`: only those
// with this local port; 0: all.
void each_listed_socket(std::uint16_t port, const std::function<void(const ListedSocket&)>& look);

// The user whose process holds the other end of a connection that comes from this machine. Nothing: it does not, or
// the system does not tell.
std::optional<std::uint32_t> user_at(const Address& remote, const Address& local);

}  // namespace borehole::net
