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

std::string name_of(const std::string& process) {
  std::string name;
  std::getline(std::ifstream("/proc/" + process + "/comm"), name);
  return name;
}

// A program like this one, which lets no other process look into it.
bool may_be_another_of_us(const std::string& process, std::uint32_t user) {
  const std::string path = "/proc/" + process;
  if (access((path + "/fd").c_str(), R_OK) == 0 || name_of(process) != name_of("self")) return false;
  std::ifstream lines(path + "/status");
  const std::string wanted = fmt::format("Uid:\t{}\t", user);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(wanted)) return true;
  return false;
}

std::string holder(const Listening& listening) {
  const Folder folder(opendir("/proc"));
  if (!folder) return {};
  std::vector<std::string> hidden;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string process = entry->d_name;
    if (process[0] < '1' || process[0] > '9') continue;
    if (holds(process, listening.inode)) {
      const std::string name = name_of(process);
      return fmt::format("{} (process {})", name.empty() ? "?" : name, process);
    }
    if (may_be_another_of_us(process, listening.user)) hidden.push_back(process);
  }
  if (hidden.size() != 1) return {};
  return fmt::format("{} (process {})", name_of(hidden.front()), hidden.front());
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
    const std::string text = holder(listening);
    return text.empty() ? fmt::format("a process of user {}", listening.user) : text;
  }
  return {};
}

}  // namespace borehole::net
