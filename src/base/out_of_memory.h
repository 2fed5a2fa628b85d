// The error of what memory has run out for. Never needs memory itself: where there is none its sentence is short.
#pragma once

#include <new>

#include "base/error.h"

namespace borehole {

inline Error out_of_memory() noexcept {
  Error error{ErrorCode::out_of_memory, Fault::proxy, {}};
  try {
    error.detail =
        "borehole had no memory left for this; try again, and give the machine more or lower `limits.connections` and "
        "`limits.buffered_bytes`";
  } catch (const std::bad_alloc&) {
    error.detail = "memory ran out";  // no longer than a string without memory of its own
  }
  return error;
}

}  // namespace borehole
