// Writes messages of application/vnd.amazon.eventstream: what EventStreamDecoder reads. Never looks into a payload.
#pragma once

#include <span>
#include <string>

#include "bedrock/event_stream.h"

namespace borehole::bedrock {

// Appends one message with its checksums. False, and nothing appended, where it would be larger than a message may be
// (EventStreamDecoder::hard_message_bytes) or a value is larger than its length field can say.
bool append_event_message(std::string& out, std::span<const EventHeader> headers, Bytes payload);

}  // namespace borehole::bedrock
