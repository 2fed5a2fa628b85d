#include "store/readable_database.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>

namespace borehole::store {

namespace {

// As a URI (RFC 3986), so that a `?` or `%` in the path stays part of it.
std::string unchanging_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                       c == '.' || c == '-' || c == '_' || c == '~';
    if (plain) {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return uri + "?immutable=1";
}

bool folder_can_be_written(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  return access(folder.c_str(), W_OK) == 0;
}

}  // namespace

Result<Database> open_readable(const std::string& path) {
  auto database = Database::open(path, SQLITE_OPEN_READONLY);
  if (!database) return database;
  const auto probe = database->integer("SELECT count(*) FROM sqlite_schema");  // the first look at the file's content
  if (probe || folder_can_be_written(path)) return database;  // what is wrong comes out when it is used
  struct stat wal {};
  const std::string wal_path = path + "-wal";
  if (stat(wal_path.c_str(), &wal) == 0 && wal.st_size > 0) {
    return unexpected(Error{ErrorCode::store_failed, Fault::proxy,
                            fmt::format("the newest calls of {0} are still in {1}, which cannot be read where nothing "
                                        "can be written; copy both files to a folder of your own and read them there "
                                        "(--set record.store=FILE)",
                                        path, wal_path)});
  }
  return Database::open(unchanging_uri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

}  // namespace borehole::store
