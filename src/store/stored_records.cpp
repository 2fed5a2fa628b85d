#include "store/stored_records.h"

#include <algorithm>

namespace borehole::store {

namespace {

constexpr std::size_t most_kept_octets = std::size_t{4} * 1024 * 1024;

Error damaged() { return Error{ErrorCode::store_failed, Fault::proxy, "a record in the call store is damaged"}; }

}  // namespace

Result<StoredRecords> StoredRecords::open(const Database& database) {
  const auto has_blocks = database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'record_blocks'");
  if (!has_blocks) return unexpected(has_blocks.error());
  if (*has_blocks == 0) return StoredRecords(std::nullopt);
  auto find = database.prepare("SELECT records FROM record_blocks WHERE block = ?");
  if (!find) return unexpected(std::move(find).error());
  return StoredRecords(std::move(*find));
}

Result<std::string> StoredRecords::unpack(std::string_view blob) {
  const auto place = decode_place(blob);
  if (!place) return unpacker_.unpack(blob);
  auto found = std::find_if(kept_.begin(), kept_.end(), [&](const auto& one) { return one.first == place->block; });
  if (found == kept_.end()) {
    auto text = read(place->block);
    if (!text) return text;
    kept_octets_ += text->size();
    kept_.emplace_back(place->block, std::move(*text));
    while (kept_.size() > 1 && kept_octets_ > most_kept_octets) {
      kept_octets_ -= kept_.front().second.size();
      kept_.erase(kept_.begin());
    }
    found = kept_.end() - 1;
  }
  const std::string& text = found->second;
  if (place->offset > text.size() || place->size > text.size() - place->offset) return unexpected(damaged());
  return text.substr(place->offset, place->size);
}

std::uint64_t StoredRecords::octets_of(std::string_view blob) noexcept {
  const auto place = decode_place(blob);
  return place ? place->size : unpacked_octets(blob);
}

Result<std::string> StoredRecords::read(std::int64_t block) {
  if (!find_) return unexpected(damaged());
  find_->bind(1, block);
  const auto row = find_->step();
  auto text =
      row == Statement::Row::row ? unpacker_.unpack(find_->octets(0)) : Result<std::string>(unexpected(damaged()));
  find_->reset();
  return text;
}

}  // namespace borehole::store
