#include "store/sqlite.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace borehole::store {

namespace {

constexpr int busy_timeout_ms = 5000;
constexpr int steps_between_looks = 1000;  // of SQLite's machine: about 10 µs

Error database_failure(std::string detail) { return Error{ErrorCode::store_failed, Fault::proxy, std::move(detail)}; }

// SQLite's count of its own memory takes a lock at every allocation, and nobody asks for it. Of use before the first
// database is opened only; refused later, which does no harm.
void count_no_memory() {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)once;
}

}  // namespace

Result<Database> Database::open(const std::string& path, int flags) {
  count_no_memory();
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database(handle, path);
  if (handle == nullptr) return unexpected(database_failure("there is not enough memory to open the call store"));
  if (code != SQLITE_OK) return unexpected(database.error("open"));
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  return database;
}

void Database::stop_at(TimePoint deadline) {
  deadline_ = std::make_unique<TimePoint>(deadline);
  const auto passed = [](void* when) noexcept {
    return std::chrono::steady_clock::now() >= *static_cast<const TimePoint*>(when) ? 1 : 0;
  };
  sqlite3_progress_handler(handle_.get(), steps_between_looks, passed, deadline_.get());
}

bool Database::too_late() const noexcept { return deadline_ && std::chrono::steady_clock::now() >= *deadline_; }

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return unexpected(error("use"));
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) const {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) return unexpected(error("use"));
  return Statement(handle);
}

Result<std::int64_t> Database::integer(std::string_view sql) const {
  auto statement = prepare(sql);
  if (!statement) return unexpected(std::move(statement).error());
  const auto row = statement->step();
  if (row == Statement::Row::failed) return unexpected(error("read"));
  return row == Statement::Row::row ? statement->integer(0) : 0;
}

Error Database::error(std::string_view doing) const {
  if (too_late()) return database_failure(fmt::format("reading the call store {} took too long", path_));
  const int code = sqlite3_extended_errcode(handle_.get());
  const char* said = sqlite3_errmsg(handle_.get());
  switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return database_failure(
          fmt::format("cannot {} the call store {}: it is damaged or no SQLite database ({}); move it away, or name "
                      "another file in record.store",
                      doing, path_, said));
    case SQLITE_FULL:
      return database_failure(
          fmt::format("cannot {} the call store {}: the disk is full; make room, or lower record.keep", doing, path_));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return database_failure(
          fmt::format("cannot {} the call store {}: another program keeps it locked", doing, path_));
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return database_failure(
          fmt::format("cannot {} the call store {}: {}; check the permissions of the file and its folder, or name "
                      "another file in record.store",
                      doing, path_, said));
    case SQLITE_IOERR: {
      const int reason = sqlite3_system_errno(handle_.get());
      if (reason == EFBIG || reason == EDQUOT || reason == ENOSPC) {
        return database_failure(
            fmt::format("cannot {} the call store {}: {}; make room, raise the limit, or lower record.keep", doing,
                        path_, std::strerror(reason)));
      }
      return database_failure(fmt::format("cannot {} the call store {}: {}{}{}", doing, path_, said,
                                          reason == 0 ? "" : ": ", reason == 0 ? "" : std::strerror(reason)));
    }
    default: return database_failure(fmt::format("cannot {} the call store {}: {}", doing, path_, said));
  }
}

void Statement::bind_text(int at, std::string_view value) {
  sqlite3_bind_text64(handle_.get(), at, value.empty() ? "" : value.data(), value.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
}

void Statement::bind_text_view(int at, std::string_view value) {
  sqlite3_bind_text64(handle_.get(), at, value.empty() ? "" : value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind_blob(int at, std::string_view value) {
  sqlite3_bind_blob64(handle_.get(), at, value.data(), value.size(), SQLITE_STATIC);
}

Statement::Row Statement::step() noexcept {
  switch (sqlite3_step(handle_.get())) {
    case SQLITE_ROW: return Row::row;
    case SQLITE_DONE: return Row::done;
    default: return Row::failed;
  }
}

void Statement::reset() noexcept {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
}

void Statement::rewind() noexcept { sqlite3_reset(handle_.get()); }

std::string_view Statement::octets(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  const int size = sqlite3_column_bytes(handle_.get(), column);
  return data == nullptr ? std::string_view() : std::string_view(data, static_cast<std::size_t>(size));
}

}  // namespace borehole::store
