// Base64 as records and exports write it (RFC 4648 section 4, with padding). Never reads it.
#pragma once

#include <string>
#include <string_view>

namespace borehole::calls {

std::string base64(std::string_view octets);

}  // namespace borehole::calls
