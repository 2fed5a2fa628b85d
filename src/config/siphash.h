// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed 64-bit hash. Not a password hash and never the only check of one.
#pragma once

#include <cstdint>
#include <string_view>

namespace borehole::config {

struct SipKey {
  std::uint64_t k0 = 0, k1 = 0;
};

std::uint64_t siphash(SipKey key, std::string_view octets) noexcept;

}  // namespace borehole::config
