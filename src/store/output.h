// Writes whole texts to descriptors: short writes are completed, interruptions repeated. Never buffers.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace borehole::store {

// `written` is how far it came, also after an error. A descriptor that does not block is waited for, five seconds at
// most without progress.
Result<void> write_all(int file, std::string_view text, std::size_t& written);

// A cut line on stdout is ended before the next text.
Result<void> write_stdout(std::string_view text);

}  // namespace borehole::store
