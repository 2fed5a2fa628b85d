// Hides in the events of a streamed body what the rules say: in each by itself, and what is spread over several, since
// models answer in portions. What comes out is a stream again, of whole events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "calls/redactor.h"

namespace borehole::calls {

struct RedactedStream {
  std::string octets;
  bool changed = false;                      // else `octets` are those that came, without what is no whole event
  std::uint64_t left_out = 0;                // octets of what came that are no whole event
  std::optional<std::string_view> withheld;  // why there are no octets
};

// `truncated`: the stream is the beginning of a longer one; then its last events are left out where they may hold the
// beginning of something. `ends`: the other end of one, which may begin inside an event.
enum class StreamPart : std::uint8_t { whole, beginning, end };
RedactedStream redact_stream(Redactor& redactor, bedrock::StreamFormat format, std::string_view octets,
                             StreamPart part);

}  // namespace borehole::calls
