#include "store/record_place.h"

#include "store/leb128.h"

namespace borehole::store {

namespace {

constexpr char tag = '\x01';  // a zstd frame begins with 0x28

}  // namespace

void encode(std::string& out, const RecordPlace& place) {
  out.assign(1, tag);
  append_number(out, static_cast<std::uint64_t>(place.block));
  append_number(out, place.offset);
  append_number(out, place.size);
}

std::optional<RecordPlace> decode_place(std::string_view blob) noexcept {
  if (!blob.starts_with(tag)) return std::nullopt;
  blob.remove_prefix(1);
  RecordPlace place;
  std::uint64_t block = 0;
  if (!take_number(blob, block) || !take_number(blob, place.offset) || !take_number(blob, place.size)) {
    return std::nullopt;
  }
  if (!blob.empty()) return std::nullopt;
  place.block = static_cast<std::int64_t>(block);
  return place;
}

}  // namespace borehole::store
