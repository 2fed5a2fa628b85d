// Base64 with padding (RFC 4648 section 4), for Basic credentials (RFC 7617). Encodes only.
#pragma once

#include <string>

#include "base/bytes.h"

namespace borehole::server {

std::string base64(Bytes bytes);

}  // namespace borehole::server
