#include "store/call_removal.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "store/record_blob.h"
#include "store/record_place.h"
#include "store/stored_records.h"

namespace borehole::store {

namespace {

Result<void> run(const Database& database, Statement& statement) {
  const auto row = statement.step();
  auto failure = row == Statement::Row::failed ? database.error("write to") : Error{};
  statement.rewind();
  if (row == Statement::Row::failed) return unexpected(std::move(failure));
  return {};
}

// Gives the calls that are left of a block records of their own.
Result<void> divide(Database& database, std::int64_t block, StoredRecords& records, RecordPacker& packer) {
  auto left = database.prepare(
      "SELECT calls.seq, calls.record FROM record_blocks JOIN calls ON calls.seq BETWEEN first_seq AND last_seq "
      "WHERE block = ?");
  if (!left) return unexpected(left.error());
  auto rewrite = database.prepare("UPDATE calls SET record = ? WHERE seq = ?");
  if (!rewrite) return unexpected(rewrite.error());
  left->bind(1, block);
  std::vector<std::pair<std::int64_t, std::string>> others;
  Statement::Row row{};
  for (row = left->step(); row == Statement::Row::row; row = left->step()) {
    const auto place = decode_place(left->octets(1));
    if (!place || place->block != block) continue;
    auto json = records.unpack(left->octets(1));
    if (!json) return unexpected(std::move(json).error());
    others.emplace_back(left->integer(0), std::move(*json));
  }
  if (row == Statement::Row::failed) return unexpected(database.error("read"));
  for (const auto& [seq, json] : others) {
    const auto packed = packer.pack(json);
    if (!packed) return unexpected(packed.error());
    rewrite->bind_blob(1, *packed);
    rewrite->bind(2, seq);
    if (auto done = run(database, *rewrite); !done) return done;
  }
  return database.execute(fmt::format("DELETE FROM record_blocks WHERE block = {}", block));
}

}  // namespace

Result<std::uint64_t> remove_calls(Database& database, CallTotals* totals, std::string_view which, SharedBlock shared) {
  if (totals != nullptr) {
    if (auto forgot = totals->forget(which); !forgot) return unexpected(forgot.error());
  }
  // A record that stands in its row may be large, and is not asked for.
  auto calls = database.prepare(
      fmt::format("DELETE FROM calls WHERE {} RETURNING CASE WHEN length(record) <= 32 THEN record END", which));
  if (!calls) return unexpected(calls.error());
  std::uint64_t taken = 0;
  std::vector<std::int64_t> blocks;
  Statement::Row row{};
  for (row = calls->step(); row == Statement::Row::row; row = calls->step()) {
    ++taken;
    const auto at = decode_place(calls->octets(0));
    if (at && std::find(blocks.rbegin(), blocks.rend(), at->block) == blocks.rend()) blocks.push_back(at->block);
  }
  if (row == Statement::Row::failed) return unexpected(database.error("write to"));
  if (totals != nullptr) {
    if (auto forgot = totals->forgotten(); !forgot) return unexpected(forgot.error());
  }
  if (blocks.empty()) return taken;
  auto empty = database.prepare(
      "DELETE FROM record_blocks WHERE block = ? AND NOT EXISTS "
      "(SELECT 1 FROM calls WHERE seq BETWEEN first_seq AND last_seq)");
  if (!empty) return unexpected(empty.error());
  auto records = StoredRecords::open(database);
  if (!records) return unexpected(records.error());
  RecordPacker packer;
  for (const std::int64_t block : blocks) {
    empty->bind(1, block);
    if (auto done = run(database, *empty); !done) return unexpected(done.error());
    if (database.changes() > 0 || shared == SharedBlock::stays) continue;
    if (auto done = divide(database, block, *records, packer); !done) return unexpected(done.error());
  }
  return taken;
}

}  // namespace borehole::store
