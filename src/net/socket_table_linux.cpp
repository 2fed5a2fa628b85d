#include <fmt/format.h>
#include <netinet/in.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "net/socket_table.h"

namespace borehole::net {

namespace {

// /proc/net/tcp writes an address as 32-bit words in the machine's order, in hexadecimal (proc(5)). One that is IPv4
// in IPv6 is given as IPv4.
std::optional<Address> from_proc(const std::string& hex) {
  const auto colon = hex.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  std::array<std::uint32_t, 4> words{};
  for (std::size_t at = 0; at * 8 < colon; ++at) {
    words[at] = static_cast<std::uint32_t>(std::strtoul(hex.substr(at * 8, 8).c_str(), nullptr, 16));
  }
  const auto port = static_cast<std::uint16_t>(std::strtoul(hex.substr(colon + 1).c_str(), nullptr, 16));
  const bool mapped = colon == 32 && words[0] == 0 && words[1] == 0 && words[2] == htonl(0xffff);
  if (colon == 8 || mapped) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, &words[mapped ? 3 : 0], 4);
    return Address::from(reinterpret_cast<const sockaddr*>(&v4));
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, words.data(), 16);
  return Address::from(reinterpret_cast<const sockaddr*>(&v6));
}

void look_through(const char* table, std::uint16_t port, const std::function<void(const ListedSocket&)>& look) {
  const std::string mark = fmt::format(":{:04X} ", port);
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    if (port != 0 && line.find(mark) == std::string::npos) continue;
    std::istringstream fields(line);
    std::string number, local, remote, state, queues, timer, retransmits, timeout;
    ListedSocket socket;
    if (!(fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> socket.user >> timeout >>
          socket.inode)) {
      continue;
    }
    const auto here = from_proc(local);
    const auto there = from_proc(remote);
    if (!here || !there || (port != 0 && here->port() != port)) continue;
    socket.local = *here;
    socket.remote = *there;
    socket.listening = state == "0A";  // TCP_LISTEN
    look(socket);
  }
}

}  // namespace

void each_listed_socket(std::uint16_t port, const std::function<void(const ListedSocket&)>& look) {
  look_through("/proc/net/tcp", port, look);
  look_through("/proc/net/tcp6", port, look);
}

std::optional<std::uint32_t> user_at(const Address& remote, const Address& local) {
  std::optional<std::uint32_t> user;
  each_listed_socket(remote.port(), [&](const ListedSocket& socket) {
    if (socket.local == remote && socket.remote == local) user = socket.user;
  });
  return user;
}

}  // namespace borehole::net
