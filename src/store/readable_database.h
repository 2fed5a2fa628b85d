// Opens the call store for reading, also where its folder or file system cannot be written. Never changes the file.
#pragma once

#include <string>

#include "base/result.h"
#include "store/sqlite.h"

namespace borehole::store {

// A store in WAL mode needs its -shm file, which SQLite makes; where it cannot, a store without calls in its -wal file
// is read as one that nobody writes.
Result<Database> open_readable(const std::string& path);

}  // namespace borehole::store
