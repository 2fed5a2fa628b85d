#include "ca/ca_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/mem.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace borehole::ca {
namespace {

constexpr std::size_t max_file = std::size_t{16} * 1024 * 1024;

Error io_error(const std::string& path, const char* what) {
  return {ErrorCode::io_failed, Fault::proxy, fmt::format("{} {}: {}", path, what, std::strerror(errno))};
}

std::string owner_of(const std::string& path) {
  struct stat status {};
  std::string at = path;
  while (::stat(at.c_str(), &status) != 0) {  // what is above it can be seen
    const auto slash = at.rfind('/');
    if (slash == std::string::npos || slash == 0) return "another user";
    at.resize(slash);
  }
  const passwd* entry = ::getpwuid(status.st_uid);
  return entry == nullptr ? fmt::format("user {}", status.st_uid) : std::string(entry->pw_name);
}

// What others own is whole; a new CA is no remedy for it.
Error read_error(const std::string& path) {
  if (errno != EACCES) return io_error(path, "cannot be read");
  return {ErrorCode::ca_invalid, Fault::proxy,
          fmt::format("{} may not be read by this user: run borehole as {}, or give it a ca.dir of its own", path,
                      owner_of(path))};
}

// Where something should be written that cannot be.
Error not_writable(const std::string& path, const char* what) {
  Error error = io_error(path, what);
  error.detail += "; let this user write there, or name another folder in ca.dir";
  return error;
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const noexcept { return fd_; }
  bool ok() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

bool write_all(int fd, Bytes content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

Result<std::string> read_fd(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return unexpected(io_error(path, "cannot be read"));
  if (!S_ISREG(status.st_mode) || static_cast<std::size_t>(status.st_size) > max_file) {
    return unexpected(Error{ErrorCode::io_failed, Fault::proxy, path + " is no plain file of a sensible size"});
  }
  // Read in place: no copies of a key stay behind in a grown string's old blocks.
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t n = ::read(fd, content.data() + size, content.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unexpected(io_error(path, "cannot be read"));
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  content.resize(size);
  return content;
}

}  // namespace

Result<void> make_private_folder(const std::string& folder) {
  const std::filesystem::path path(folder);
  std::filesystem::path made;
  for (const auto& part : path) {
    made /= part;
    if (::mkdir(made.c_str(), 0700) == 0 || errno == EEXIST || errno == EISDIR) continue;
    const int failure = errno;
    if (exists(made.string())) continue;  // a read-only or foreign parent that is there already
    errno = failure;
    return unexpected(not_writable(made.string(), "cannot be made"));
  }
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return unexpected(Error{ErrorCode::io_failed, Fault::proxy, folder + " is no folder: choose another ca.dir"});
  }
  if ((status.st_mode & 077U) != 0 && ::chmod(folder.c_str(), 0700) != 0) {
    return unexpected(not_writable(folder, "cannot be made private (chmod 700)"));
  }
  return {};
}

Result<void> check_access(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 || errno != EACCES) return {};
  return unexpected(read_error(path));
}

Result<void> check_folder(const std::string& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return unexpected(io_error(folder, "cannot be read"));
  if ((status.st_mode & 022U) != 0) {
    return unexpected(
        Error{ErrorCode::ca_invalid, Fault::proxy,
              fmt::format("others may write into {}, and so exchange the CA: run `chmod 700 {}`", folder, folder)});
  }
  return {};
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

void remove_tree(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

Result<void> write_new_file(const std::string& path, Bytes content, unsigned mode) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.ok()) return unexpected(not_writable(path, "cannot be made"));
  if (::fchmod(fd.get(), static_cast<mode_t>(mode)) != 0 || !write_all(fd.get(), content) || ::fsync(fd.get()) != 0) {
    Error error = io_error(path, "cannot be written");
    ::unlink(path.c_str());
    return unexpected(std::move(error));
  }
  return {};
}

Result<void> replace_file(const std::string& path, Bytes content, unsigned mode) {
  const std::string fresh = fmt::format("{}.{}.new", path, ::getpid());
  ::unlink(fresh.c_str());
  if (auto written = write_new_file(fresh, content, mode); !written) return written;
  if (auto renamed = rename_file(fresh, path); !renamed) {
    ::unlink(fresh.c_str());
    return renamed;
  }
  return {};
}

Result<void> rename_file(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return unexpected(io_error(to, "cannot be written"));
  return {};
}

void sync_folder(const std::string& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.ok()) ::fsync(fd.get());
}

Result<std::string> read_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.ok()) return unexpected(read_error(path));
  return read_fd(fd.get(), path);
}

Result<std::string> read_secret_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd.ok() || ::fstat(fd.get(), &status) != 0) return unexpected(read_error(path));
  if ((status.st_mode & 077U) != 0) {
    return unexpected(
        Error{ErrorCode::ca_invalid, Fault::proxy,
              fmt::format("{} is open to others (mode {:04o}): run `chmod 600 {}`; if others may have read it, run "
                          "`borehole ca rotate`",
                          path, static_cast<unsigned>(status.st_mode & 07777U), path)});
  }
  return read_fd(fd.get(), path);
}

void cleanse(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

Result<FolderLock> FolderLock::take(const std::string& folder) {
  const std::string path = folder + "/.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return unexpected(not_writable(path, "cannot be made"));
  FolderLock lock(fd);
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) return unexpected(io_error(path, "cannot be locked"));
  }
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace borehole::ca
