// How a call's row names its record where that lies in a block with others. Never reads a block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace borehole::store {

// Of a block's text after decompression. Block ids are never used twice.
struct RecordPlace {
  std::int64_t block = 0;
  std::uint64_t offset = 0, size = 0;
  bool operator==(const RecordPlace&) const = default;
};

// An octet that no zstd frame begins with, then the three numbers in LEB128.
void encode(std::string& out, const RecordPlace& place);  // replaces what was in `out`

// nullopt: it is none, as a record that stands in its row itself.
std::optional<RecordPlace> decode_place(std::string_view blob) noexcept;

}  // namespace borehole::store
