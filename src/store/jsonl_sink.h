// Records as JSON lines in a file, or on stdout for "-". Appends whole lines only.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "calls/sink.h"

namespace borehole::store {

// A file is opened for appending, mode 0600; it is opened again when it was renamed away (log rotation).
Result<std::unique_ptr<calls::Sink>> open_jsonl_sink(const std::string& path);

// One readable line a call, for the terminal (stdout).
std::unique_ptr<calls::Sink> make_terminal_sink();

}  // namespace borehole::store
