// What `borehole run` reads of the proxy it started: every record without headers and bodies, as JSON lines. Never the
// store, which other proxies may write to as well.
#pragma once

#include <memory>

#include "calls/sink.h"

namespace borehole::app {

// Appends to an open file, which stays the caller's.
std::unique_ptr<calls::Sink> make_report_sink(int descriptor);

}  // namespace borehole::app
