#include "base/ignoring_case.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace borehole {

namespace {

using Word = std::uint64_t;

constexpr Word every(unsigned octet) noexcept { return 0x0101010101010101U * octet; }

template <class Part>
Word read(const char* from) noexcept {
  Part part = 0;
  std::memcpy(&part, from, sizeof part);
  return part;
}

// Fewer than eight octets, some of them twice; the rest is zero.
Word read_short(const char* from, std::size_t size) noexcept {
  if (size >= 4) return read<std::uint32_t>(from) | read<std::uint32_t>(from + size - 4) << 32U;
  if (size == 0) return 0;
  return read<std::uint8_t>(from) | read<std::uint8_t>(from + size / 2) << 8U |
         read<std::uint8_t>(from + size - 1) << 16U;
}

// Eight octets at once: they are the same but for that bit by which the cases of a letter differ, where a letter
// stands.
bool same(Word a, Word b) noexcept {
  const Word differing = a ^ b;
  if (differing == 0) return true;
  if ((differing & ~every(0x20)) != 0) return false;
  const Word lower = a | every(0x20);
  const Word octets = lower & every(0x7F);  // their sums below stay within seven bits and a carry
  const Word letters = (octets + every(0x80 - 'a')) & ~(octets + every(0x80 - 'z' - 1)) & ~lower & every(0x80);
  return (differing << 2U & ~letters) == 0;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  if (size < sizeof(Word)) return same(read_short(a.data(), size), read_short(b.data(), size));
  const std::size_t last = size - sizeof(Word);
  for (std::size_t at = 0; at < last; at += sizeof(Word)) {
    if (!same(read<Word>(a.data() + at), read<Word>(b.data() + at))) return false;
  }
  return same(read<Word>(a.data() + last), read<Word>(b.data() + last));
}

}  // namespace borehole
