// SHA-256 and HMAC-SHA256 (FIPS 180-4, RFC 2104) of octets in memory; never keeps what it was given.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace borehole::tls {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(Bytes octets) noexcept;
Sha256 hmac_sha256(Bytes key, Bytes octets) noexcept;

Bytes octets_of(const Sha256& digest) noexcept;
std::string lower_hex(const Sha256& digest);
std::string sha256_hex(Bytes octets);  // lower case

}  // namespace borehole::tls
