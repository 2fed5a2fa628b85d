// Whole numbers as they stand in the store's blobs: LEB128, seven bits an octet, the lowest first. Never allocates but
// in `out`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace borehole::store {

inline void append_number(std::string& out, std::uint64_t value) {
  for (; value >= 0x80U; value >>= 7U) out += static_cast<char>(0x80U | (value & 0x7FU));
  out += static_cast<char>(value);
}

// False where there is none of at most 63 bits; then `from` and `value` are anything.
inline bool take_number(std::string_view& from, std::uint64_t& value) noexcept {
  value = 0;
  for (unsigned shift = 0; shift < 63U && !from.empty(); shift += 7U) {
    const auto octet = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    value |= std::uint64_t{octet & 0x7FU} << shift;
    if (octet < 0x80U) return true;
  }
  return false;
}

}  // namespace borehole::store
