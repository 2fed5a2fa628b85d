// Sixteen octets at a time, which the compiler compares at once (SSE2, NEON). Never reads beyond what it is given.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace borehole {

using Lane = unsigned char __attribute__((vector_size(16)));
inline constexpr std::size_t lane_size = sizeof(Lane);

// The first octet that is set in what comparing lanes gave; `lane_size`: none is.
template <class Found>
std::size_t first_of(Found found) noexcept {
#ifdef __SSE2__
  const auto bits = static_cast<unsigned>(_mm_movemask_epi8(reinterpret_cast<__m128i>(found)));
  return static_cast<std::size_t>(std::countr_zero(bits | 1U << lane_size));
#else
  std::uint64_t halves[2];
  std::memcpy(halves, &found, sizeof halves);
  if ((halves[0] | halves[1]) == 0) return lane_size;
  const std::size_t half = halves[0] != 0 ? 0 : 1;
  const int bits =
      std::endian::native == std::endian::little ? std::countr_zero(halves[half]) : std::countl_zero(halves[half]);
  return half * 8 + static_cast<std::size_t>(bits) / 8;
#endif
}

}  // namespace borehole
