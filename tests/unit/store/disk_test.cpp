// A disk that fails at each of its operations in turn (full, read only, broken): a batch is in the store whole or not
// at all, what was there stays, and recording goes on once the disk does.
#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "catch.h"
#include "store/call_store.h"
#include "unit/store/scratch.h"

namespace borehole::store {

namespace {

// What the disk does, beginning with the operation that comes after so many others.
struct Disk {
  int code = SQLITE_OK;  // SQLITE_OK: it works
  int reason = 0;        // as errno
  long sound_operations = 0;
  bool for_good = false;  // and goes on failing
  bool failed = false;

  int take() {
    if (code == SQLITE_OK || sound_operations-- > 0) return SQLITE_OK;
    failed = true;
    const int answer = code;
    if (!for_good) code = SQLITE_OK;
    return answer;
  }
};
Disk disk;  // one thread

// SQLite's own file system, with the disk's faults in front of what writes. What it opens lies behind its own part.
struct FaultyFile {
  sqlite3_file base;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
sqlite3_vfs* real_vfs = nullptr;

FaultyFile& of(sqlite3_file* file) { return *reinterpret_cast<FaultyFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return of(file).real(); }
const sqlite3_io_methods& methods(sqlite3_file* file) { return *real(file)->pMethods; }

const sqlite3_io_methods faulty_methods = [] {
  sqlite3_io_methods out{};
  out.iVersion = 2;
  out.xClose = [](sqlite3_file* f) { return methods(f).xClose(real(f)); };
  out.xRead = [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) { return methods(f).xRead(real(f), to, n, at); };
  out.xWrite = [](sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
    if (const int fault = disk.take(); fault != SQLITE_OK) {
      // Half of it may have got there.
      (void)methods(f).xWrite(real(f), from, n / 2, at);
      return fault;
    }
    return methods(f).xWrite(real(f), from, n, at);
  };
  out.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
    const int fault = disk.take();
    return fault != SQLITE_OK ? fault : methods(f).xTruncate(real(f), size);
  };
  out.xSync = [](sqlite3_file* f, int flags) {
    const int fault = disk.take();
    return fault != SQLITE_OK ? fault : methods(f).xSync(real(f), flags);
  };
  out.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) { return methods(f).xFileSize(real(f), size); };
  out.xLock = [](sqlite3_file* f, int level) { return methods(f).xLock(real(f), level); };
  out.xUnlock = [](sqlite3_file* f, int level) { return methods(f).xUnlock(real(f), level); };
  out.xCheckReservedLock = [](sqlite3_file* f, int* is) { return methods(f).xCheckReservedLock(real(f), is); };
  out.xFileControl = [](sqlite3_file* f, int what, void* with) { return methods(f).xFileControl(real(f), what, with); };
  out.xSectorSize = [](sqlite3_file* f) { return methods(f).xSectorSize(real(f)); };
  out.xDeviceCharacteristics = [](sqlite3_file* f) { return methods(f).xDeviceCharacteristics(real(f)); };
  out.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** at) {
    return methods(f).xShmMap(real(f), page, size, extend, at);
  };
  out.xShmLock = [](sqlite3_file* f, int at, int n, int flags) { return methods(f).xShmLock(real(f), at, n, flags); };
  out.xShmBarrier = [](sqlite3_file* f) { methods(f).xShmBarrier(real(f)); };
  out.xShmUnmap = [](sqlite3_file* f, int remove) { return methods(f).xShmUnmap(real(f), remove); };
  return out;
}();

int open_faulty(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* got) {
  file->pMethods = nullptr;
  const int code = real_vfs->xOpen(real_vfs, name, real(file), flags, got);
  if (code == SQLITE_OK) file->pMethods = &faulty_methods;
  return code;
}

// The disk that this program's stores are on while it lives.
class FaultyDisk {
 public:
  FaultyDisk() {
    real_vfs = sqlite3_vfs_find(nullptr);
    vfs_ = *real_vfs;
    vfs_.zName = "faulty";
    vfs_.szOsFile = static_cast<int>(sizeof(FaultyFile)) + real_vfs->szOsFile;
    vfs_.xOpen = open_faulty;
    // The others are asked of the file system itself, which keeps nothing of its own in it.
    vfs_.xDelete = [](sqlite3_vfs*, const char* name, int sync) { return real_vfs->xDelete(real_vfs, name, sync); };
    vfs_.xGetLastError = [](sqlite3_vfs*, int, char*) { return disk.reason; };
    REQUIRE(sqlite3_vfs_register(&vfs_, 1) == SQLITE_OK);
  }
  ~FaultyDisk() {
    disk = {};
    sqlite3_vfs_register(real_vfs, 1);
    sqlite3_vfs_unregister(&vfs_);
  }
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

 private:
  sqlite3_vfs vfs_{};
};

std::vector<std::string> ids(const std::string& path) {
  const auto reader = CallStoreReader::open(path);
  REQUIRE(reader);
  const auto listed = (*reader)->list({});
  REQUIRE(listed);
  std::vector<std::string> out;
  for (const CallSummary& call : *listed) {
    out.insert(out.begin(), call.id);
    CHECK((*reader)->find_json(call.id));
  }
  return out;
}

// SQLite's own check of the whole file.
std::string integrity(const std::string& path) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  std::string said;
  sqlite3_exec(
      handle, "PRAGMA integrity_check",
      [](void* to, int, char** values, char**) {
        *static_cast<std::string*>(to) += values[0];
        return 0;
      },
      &said, nullptr);
  sqlite3_close(handle);
  return said;
}

struct Fault {
  const char* name;
  int code, reason;
};

}  // namespace

TEST_CASE("whichever operation of the disk fails, a batch is kept whole or not at all, and recording goes on",
          "[disk]") {
  const Fault fault =
      GENERATE(Fault{"full", SQLITE_FULL, ENOSPC}, Fault{"read only", SQLITE_IOERR_WRITE, EROFS},
               Fault{"broken", SQLITE_IOERR_WRITE, EIO}, Fault{"not written through", SQLITE_IOERR_FSYNC, EIO});
  const bool for_good = GENERATE(false, true);
  INFO(fault.name << (for_good ? ", from then on" : ", once"));
  FaultyDisk faulty;
  int failures = 0;
  for (long sound = 0;; ++sound) {
    INFO("behind " << sound << " operations");
    Scratch scratch;
    const std::string path = scratch.path("calls.db");
    auto opened = CallStoreWriter::open(path, {}, true);
    REQUIRE(opened);
    CallStoreWriter& writer = **opened;
    REQUIRE(writer.write({record("A")}));
    std::vector<calls::CallRecord> batch{record("B"), record("C")};
    batch[1].response.body = std::string(20'000, 'x');
    disk = {fault.code, fault.reason, sound, for_good, false};
    const auto wrote = writer.write(batch);
    const bool failed = disk.failed;
    disk = {};
    if (!failed) {
      REQUIRE(wrote);
      break;
    }
    if (!wrote) {
      ++failures;
      CHECK(wrote.error().code == ErrorCode::store_failed);
      CHECK(wrote.error().detail.find(path) != std::string::npos);
    }
    const auto again = writer.write({record("D")});
    INFO((again ? std::string() : again.error().detail));
    REQUIRE(again);
    const auto kept = ids(path);
    CHECK(kept == (wrote ? std::vector<std::string>{"A", "B", "C", "D"} : std::vector<std::string>{"A", "D"}));
    CHECK(integrity(path) == "ok");
    REQUIRE(sound < 500);
  }
  CHECK(failures > 3);
}

}  // namespace borehole::store
