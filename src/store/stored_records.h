// Records out of the call store, whichever way they were written: in the call's row, or in a block with others. Never
// writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/record_blob.h"
#include "store/record_place.h"
#include "store/sqlite.h"

namespace borehole::store {

// Keeps the blocks it read last, since calls that are listed together lie together. Must not outlive its database; one
// thread at a time.
class StoredRecords {
 public:
  static Result<StoredRecords> open(const Database& database);
  // `blob`: the column `record` of a call. A damaged one: an error.
  Result<std::string> unpack(std::string_view blob);
  // Of the record as JSON; the first 32 octets of `blob` are enough. 0 for a damaged one.
  static std::uint64_t octets_of(std::string_view blob) noexcept;

 private:
  explicit StoredRecords(std::optional<Statement> find) : find_(std::move(find)) {}
  Result<std::string> read(std::int64_t block);

  std::optional<Statement> find_;  // absent: a store of before there were blocks
  RecordUnpacker unpacker_;
  std::vector<std::pair<std::int64_t, std::string>> kept_;  // the one read last stands last
  std::size_t kept_octets_ = 0;
};

}  // namespace borehole::store
