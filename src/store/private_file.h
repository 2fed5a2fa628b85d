// Files that only their owner may read, made so before anything is written to them. Never deletes anything.
#pragma once

#include <string>

#include "base/result.h"

namespace borehole::store {

// Makes the folders above `path` that are missing, each with mode 0700.
Result<void> make_private_folders(const std::string& path);

// Makes an empty file of mode 0600 if there is none, and narrows one that others could read. A file that is there is
// not opened: closing it would take this process's POSIX locks on it away (SQLite, "How to corrupt", section 2.2).
Result<void> make_private_file(const std::string& path, const std::string& what);

// Opens with O_CREAT | O_CLOEXEC and `flags`, mode 0600; a file that others could read is narrowed to 0600 if it is a
// regular one. The descriptor is the caller's to close. `what` names the file in the error: "the call store".
Result<int> open_private_file(const std::string& path, int flags, const std::string& what);

}  // namespace borehole::store
