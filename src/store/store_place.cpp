#include "store/store_place.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>

namespace borehole::store {

namespace {

constexpr std::uint64_t mebibyte = 1024ULL * 1024;
constexpr std::uint64_t least_room = 16 * mebibyte;  // a full mailbox fits, compressed

}  // namespace

std::vector<std::string> place_faults(const std::string& path, const std::string& what) {
  struct stat there {};
  if (stat(path.c_str(), &there) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return {fmt::format("{} {} is no longer there: put it back, or the next call makes a new one", what, path)};
    }
    return {fmt::format("{} {} cannot be looked at: {}; mend that", what, path, std::strerror(errno))};
  }
  std::vector<std::string> faults;
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (access(path.c_str(), W_OK) != 0 || access(folder.c_str(), W_OK | X_OK) != 0) {
    faults.push_back(fmt::format("{} {} cannot be written: {}; mend the permissions of the file and its folder", what,
                                 path, std::strerror(errno)));
  }
  struct statvfs disk {};
  if (S_ISREG(there.st_mode) && statvfs(path.c_str(), &disk) == 0) {
    const std::uint64_t left = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    if (left < least_room) {
      faults.push_back(fmt::format("the disk that holds {} {} has {} MiB left; make room, or lower record.keep", what,
                                   path, left / mebibyte));
    }
  }
  return faults;
}

}  // namespace borehole::store
