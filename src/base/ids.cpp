#include "base/ids.h"

#include <array>
#include <cstdint>
#include <random>

namespace borehole {

namespace {

struct LastUlid {
  std::int64_t millis = -1;
  std::uint64_t high = 0;  // 16 random bits
  std::uint64_t low = 0;   // 64 random bits
  std::mt19937_64 random{(std::uint64_t{std::random_device{}()} << 32U) ^ std::random_device{}()};
};

}  // namespace

std::string new_ulid(WallTime time) {
  thread_local LastUlid last;
  auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  if (millis > last.millis) {
    last.high = last.random() & 0x7fffU;  // the top bit is left free, so that counting up does not overflow
    last.low = last.random();
    last.millis = millis;
  } else {
    millis = last.millis;
    if (++last.low == 0) ++last.high;
  }
  static constexpr char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::array<char, 26> out{};
  auto value = static_cast<std::uint64_t>(millis);
  for (int i = 9; i >= 0; --i, value >>= 5U) out[static_cast<std::size_t>(i)] = alphabet[value & 31U];
  std::uint64_t high = last.high;
  std::uint64_t low = last.low;
  for (int i = 25; i >= 10; --i) {
    out[static_cast<std::size_t>(i)] = alphabet[low & 31U];
    low = (low >> 5U) | (high << 59U);
    high >>= 5U;
  }
  return {out.data(), out.size()};
}

}  // namespace borehole
