// Records as JSON lines in a file, or on stdout for "-". Appends whole lines only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "calls/sink.h"

namespace borehole::store {

struct JsonlOptions {
  std::string path;             // "-": stdout, and nothing of what follows
  std::uint64_t max_bytes = 0;  // beyond, the file becomes PATH.1, that one PATH.2, and so on; 0: it grows
  int files = 4;                // of those at most; the oldest is deleted
};

// Any thread reads them.
struct JsonlCounters {
  std::atomic<std::uint64_t> torn{0};       // lines without an end that were found when the file was opened
  std::atomic<std::uint64_t> rotations{0};  // by size
};

// A file is opened for appending, mode 0600; it is opened again when it was renamed away (log rotation). Does it end
// inside a line, a record that was cut is taken away, anything else gets its line's end. `counters` may be null.
Result<std::unique_ptr<calls::Sink>> open_jsonl_sink(const JsonlOptions& options,
                                                     std::shared_ptr<JsonlCounters> counters = nullptr);

// One readable line a call, for the terminal (stdout).
std::unique_ptr<calls::Sink> make_terminal_sink();

}  // namespace borehole::store
