// SHA-256 of octets that are all there. Never keeps them.
#pragma once

#include <string>

#include "base/bytes.h"

namespace borehole::tls {

std::string sha256_hex(Bytes octets);  // lower case

}  // namespace borehole::tls
