#include "store/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace borehole::store {

namespace {

Error cannot_open(const std::string& what, const std::string& path) {
  return Error{ErrorCode::io_failed, Fault::proxy,
               fmt::format("cannot open {} {}: {}; check the permissions, or name another file", what, path,
                           std::strerror(errno))};
}

}  // namespace

Result<void> make_private_folders(const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    const std::string folder = path.substr(0, at);
    if (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) continue;
    const int failure = errno;
    struct stat there {};
    if (stat(folder.c_str(), &there) == 0) continue;  // EROFS and the like, above a folder that is there
    return unexpected(Error{
        ErrorCode::io_failed, Fault::proxy,
        fmt::format("cannot make the folder {}: {}; make it, or name another place", folder, std::strerror(failure))});
  }
  return {};
}

Result<void> make_private_file(const std::string& path, const std::string& what) {
  const int made = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made >= 0) {
    close(made);
    return {};
  }
  if (errno != EEXIST) return unexpected(cannot_open(what, path));
  struct stat now {};
  if (stat(path.c_str(), &now) != 0) return unexpected(cannot_open(what, path));
  if (!S_ISREG(now.st_mode)) {
    return unexpected(Error{ErrorCode::io_failed, Fault::proxy,
                            fmt::format("cannot open {} {}: it is no file; name another one", what, path)});
  }
  if ((now.st_mode & 077U) != 0) (void)chmod(path.c_str(), 0600);
  return {};
}

Result<int> open_private_file(const std::string& path, int flags, const std::string& what) {
  const int file = open(path.c_str(), flags | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return unexpected(cannot_open(what, path));
  struct stat now {};
  if (fstat(file, &now) == 0 && S_ISREG(now.st_mode) && (now.st_mode & 077U) != 0) (void)fchmod(file, 0600);
  return file;
}

}  // namespace borehole::store
