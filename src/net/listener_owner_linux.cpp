#include <dirent.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "net/listener_owner.h"

namespace borehole::net {

namespace {

struct Listening {
  std::string inode;
  std::string user;
};

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

// /proc/net/tcp writes an address as 32-bit words in the machine's order, in hexadecimal (proc(5)).
std::optional<Address> from_proc(const std::string& hex) {
  const auto colon = hex.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  std::array<std::uint32_t, 4> words{};
  for (std::size_t at = 0; at * 8 < colon; ++at) {
    words[at] = static_cast<std::uint32_t>(std::strtoul(hex.substr(at * 8, 8).c_str(), nullptr, 16));
  }
  const auto port = static_cast<std::uint16_t>(std::strtoul(hex.substr(colon + 1).c_str(), nullptr, 16));
  if (colon == 8) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, words.data(), 4);
    return Address::from(reinterpret_cast<const sockaddr*>(&v4));
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, words.data(), 16);
  return Address::from(reinterpret_cast<const sockaddr*>(&v6));
}

bool unspecified(const Address& address) { return address.ip() == "0.0.0.0" || address.ip() == "::"; }

// An IPv6 socket on "::" may hold the IPv4 port too; it is named, since there is no telling from here.
bool in_the_way(const Address& theirs, const Address& wanted) {
  if (theirs.port() != wanted.port()) return false;
  if (theirs.is_v6() != wanted.is_v6()) return theirs.is_v6() && unspecified(theirs);
  return theirs == wanted || unspecified(theirs) || unspecified(wanted);
}

void collect(const char* table, const Address& wanted, std::vector<Listening>& out) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string number, local, other, state, queues, timer, retransmits, user, timeout, inode;
    if (!(fields >> number >> local >> other >> state >> queues >> timer >> retransmits >> user >> timeout >> inode))
      continue;
    if (state != "0A") continue;  // TCP_LISTEN
    const auto theirs = from_proc(local);
    if (theirs && in_the_way(*theirs, wanted)) out.push_back({inode, user});
  }
}

bool holds(const std::string& process, const std::string& inode) {
  const std::string path = "/proc/" + process + "/fd";
  const Folder folder(opendir(path.c_str()));
  if (!folder) return false;
  const std::string wanted = "socket:[" + inode + "]";
  while (const dirent* entry = readdir(folder.get())) {
    char target[64] = {};
    if (readlink((path + "/" + entry->d_name).c_str(), target, sizeof target - 1) > 0 && wanted == target) return true;
  }
  return false;
}

std::string holder(const std::string& inode) {
  const Folder folder(opendir("/proc"));
  if (!folder) return {};
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !holds(entry->d_name, inode)) continue;
    std::string name;
    std::getline(std::ifstream(std::string("/proc/") + entry->d_name + "/comm"), name);
    return fmt::format("{} (process {})", name.empty() ? "?" : name, entry->d_name);
  }
  return {};
}

}  // namespace

std::string foreign_listener(const Address& address) {
  std::vector<Listening> found;
  collect("/proc/net/tcp", address, found);
  collect("/proc/net/tcp6", address, found);
  const std::string self = std::to_string(getpid());
  for (const Listening& listening : found) {
    if (holds(self, listening.inode)) continue;
    const std::string text = holder(listening.inode);
    return text.empty() ? "a process of user " + listening.user : text;
  }
  return {};
}

}  // namespace borehole::net
