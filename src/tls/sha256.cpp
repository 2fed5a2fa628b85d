#include "tls/sha256.h"

#include <openssl/sha.h>

#include <array>
#include <cstdint>

namespace borehole::tls {

std::string sha256_hex(Bytes octets) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size(), digest.data());
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t octet : digest) {
    out += digits[octet >> 4U];
    out += digits[octet & 0xfU];
  }
  return out;
}

}  // namespace borehole::tls
