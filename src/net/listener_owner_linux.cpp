#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "net/listener_owner.h"
#include "net/socket_table.h"

namespace borehole::net {

namespace {

struct Listening {
  std::string inode;
  std::uint32_t user;
};

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

bool unspecified(const Address& address) { return address.ip() == "0.0.0.0" || address.ip() == "::"; }

// An IPv6 socket on "::" may hold the IPv4 port too; it is named, since there is no telling from here.
bool in_the_way(const Address& theirs, const Address& wanted) {
  if (theirs.port() != wanted.port()) return false;
  if (theirs.is_v6() != wanted.is_v6()) return theirs.is_v6() && unspecified(theirs);
  return theirs == wanted || unspecified(theirs) || unspecified(wanted);
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
  each_listed_socket(address.port(), [&](const ListedSocket& socket) {
    if (socket.listening && in_the_way(socket.local, address)) found.push_back({socket.inode, socket.user});
  });
  const std::string self = std::to_string(getpid());
  for (const Listening& listening : found) {
    if (holds(self, listening.inode)) continue;
    const std::string text = holder(listening.inode);
    return text.empty() ? fmt::format("a process of user {}", listening.user) : text;
  }
  return {};
}

}  // namespace borehole::net
