// The files of a CA's folder: written whole or not at all, read with their modes checked. Never follows what others
// may have exchanged.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace borehole::ca {

// Makes `folder` and its missing parents, 0700; an existing folder of ours becomes 0700.
Result<void> make_private_folder(const std::string& folder);
// An error if others may write into it: they could exchange the CA.
Result<void> check_folder(const std::string& folder);
// An error if this user may not even look whether there is a file; it names the user who may.
Result<void> check_access(const std::string& path);
bool exists(const std::string& path);
void remove_tree(const std::string& path);

// To a new file, flushed to the disk; fails if it exists.
Result<void> write_new_file(const std::string& path, Bytes content, unsigned mode);
// Replaces in one step: readers see the old content or the new.
Result<void> replace_file(const std::string& path, Bytes content, unsigned mode);
Result<void> rename_file(const std::string& from, const std::string& to);
void sync_folder(const std::string& folder);

// ca_invalid, with what to do, where the file is another user's; io_failed otherwise.
Result<std::string> read_file(const std::string& path);
// The same, but an error if group or others have any right to it.
Result<std::string> read_secret_file(const std::string& path);
// Overwrites before it frees.
void cleanse(std::string& secret);

// Held by one process (and one thread) at a time, until destroyed; waits for its turn.
class FolderLock {
 public:
  static Result<FolderLock> take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace borehole::ca
