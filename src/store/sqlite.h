// SQLite's handles, owned and closed. Holds no statement of its own and no rule about calls.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace borehole::store {

class Statement;

// One connection; one thread at a time.
class Database {
 public:
  // `flags` as of sqlite3_open_v2. Waits up to five seconds for other processes' locks.
  static Result<Database> open(const std::string& path, int flags);

  Result<void> execute(const std::string& sql);
  Result<Statement> prepare(std::string_view sql) const;
  Result<std::int64_t> integer(std::string_view sql) const;  // the first column of the first row; 0 without one
  std::int64_t changes() const noexcept { return sqlite3_changes64(handle_.get()); }
  std::int64_t last_row() const noexcept { return sqlite3_last_insert_rowid(handle_.get()); }
  // Statements are interrupted once that moment has passed.
  void stop_at(TimePoint deadline);
  bool too_late() const noexcept;
  Error error(std::string_view doing) const;  // the last failure, as a sentence; names the file

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
  };
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  std::unique_ptr<TimePoint> deadline_;  // where SQLite's callback finds it; outlives the handle
  std::unique_ptr<sqlite3, Close> handle_;
  std::string path_;
};

// Parameters count from 1, columns from 0. Must not outlive its database.
class Statement {
 public:
  void bind(int at, std::int64_t value) { sqlite3_bind_int64(handle_.get(), at, value); }
  void bind(int at, double value) { sqlite3_bind_double(handle_.get(), at, value); }
  void bind_text(int at, std::string_view value);  // copied; empty stays empty
  // Not copied: must live until `reset`, or until something else is bound there.
  void bind_text_view(int at, std::string_view value);
  void bind_blob(int at, std::string_view value);
  void bind_null(int at) { sqlite3_bind_null(handle_.get(), at); }
  template <class T>
  void bind_optional(int at, const std::optional<T>& value);

  enum class Row : std::uint8_t { row, done, failed };
  Row step() noexcept;
  void reset() noexcept;   // and forgets what was bound
  void rewind() noexcept;  // keeps what was bound

  bool is_null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  double real(int column) const { return sqlite3_column_double(handle_.get(), column); }
  std::string text(int column) const { return std::string(octets(column)); }
  std::string_view octets(int column) const;  // valid until the next step or reset

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const noexcept { sqlite3_finalize(handle); }
  };
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

template <class T>
void Statement::bind_optional(int at, const std::optional<T>& value) {
  if (!value) return bind_null(at);
  if constexpr (std::is_floating_point_v<T>) {
    bind(at, static_cast<double>(*value));
  } else {
    bind(at, static_cast<std::int64_t>(*value));
  }
}

}  // namespace borehole::store
