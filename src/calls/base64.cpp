#include "calls/base64.h"

#include <algorithm>
#include <cstdint>

namespace borehole::calls {

std::string base64(std::string_view octets) {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((octets.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, octets.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8U | (j < n ? static_cast<unsigned char>(octets[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) out += j <= n ? alphabet[group >> (18U - 6U * j) & 63U] : '=';
  }
  return out;
}

}  // namespace borehole::calls
