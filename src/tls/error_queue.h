// The SSL library's error queue of this thread, where it is asked for one thing alone. Never included outside tls/.
#pragma once

#include <openssl/err.h>

namespace borehole::tls {

// Empties it. True: memory had run out in what was asked of the library, so that whatever it answered says nothing.
inline bool memory_ran_out() noexcept {
  bool so = false;
  for (std::uint32_t packed = ERR_get_error(); packed != 0; packed = ERR_get_error()) {
    so = so || ERR_GET_REASON(packed) == ERR_R_MALLOC_FAILURE;
  }
  return so;
}

}  // namespace borehole::tls
