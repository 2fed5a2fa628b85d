#include "tls/digest.h"

#include <openssl/sha.h>

#include <algorithm>

namespace borehole::tls {

namespace {

const std::uint8_t* octets(Bytes bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }

}  // namespace

Sha256 sha256(Bytes bytes) noexcept {
  Sha256 out;
  SHA256(octets(bytes), bytes.size(), out.data());
  return out;
}

// RFC 2104 section 2 on the library's SHA-256: its HMAC allocates, and could fail.
Sha256 hmac_sha256(Bytes key, Bytes bytes) noexcept {
  std::array<std::uint8_t, SHA256_CBLOCK> block{};
  if (key.size() > block.size()) {
    const Sha256 shorter = sha256(key);
    std::copy(shorter.begin(), shorter.end(), block.begin());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  const auto hash = [&block](std::uint8_t pad, Bytes content) {
    std::array<std::uint8_t, SHA256_CBLOCK> padded;
    std::transform(block.begin(), block.end(), padded.begin(),
                   [pad](std::uint8_t octet) { return static_cast<std::uint8_t>(octet ^ pad); });
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, padded.data(), padded.size());
    SHA256_Update(&context, octets(content), content.size());
    Sha256 out;
    SHA256_Final(out.data(), &context);
    return out;
  };
  return hash(0x5c, octets_of(hash(0x36, bytes)));
}

Bytes octets_of(const Sha256& digest) noexcept { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

std::string lower_hex(const Sha256& digest) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(digest.size() * 2);
  for (const std::uint8_t octet : digest) {
    out += digits[octet >> 4U];
    out += digits[octet & 15U];
  }
  return out;
}

std::string sha256_hex(Bytes bytes) { return lower_hex(sha256(bytes)); }

}  // namespace borehole::tls
