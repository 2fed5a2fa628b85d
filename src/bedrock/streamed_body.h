// Reads the body of a streamed answer, as it was kept, into the answer and what is to be said of the stream itself; of
// a streamed request, too, into what the model was told. Never throws, never takes more time than grows with the body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "bedrock/fields.h"
#include "bedrock/stream_answer.h"

namespace borehole::bedrock {

enum class StreamFormat : std::uint8_t { event_stream, sse };

// By the value of Content-Type; nullopt for everything that is no stream of events.
std::optional<StreamFormat> stream_format(std::string_view content_type) noexcept;

// A body without chunk framing and content coding. Of one that was larger than what is kept, `end` is the last part,
// which may follow `beginning` at once or after a gap.
struct StreamedBody {
  StreamFormat format = StreamFormat::event_stream;
  Bytes beginning;
  Bytes end;
  std::uint64_t size = 0;  // of the whole
  bool whole = true;       // it ended as HTTP says it must; else a message that is cut is no news
  Fields fields;           // of a response: they may tell usage
};

struct StreamedBodyFacts {
  StreamedAnswer answer;  // its content is out of `beginning` alone
  std::uint64_t events = 0;
  std::uint64_t crc_failures = 0;
  std::uint64_t signed_events = 0;          // those of `events` that came in signed frames
  std::string inner_error;                  // what is wrong with the first of those that could not be read
  std::string error;                        // why decoding ended early, with frame and octet; empty: it did not
  std::uint64_t left_out = 0;               // octets in the gap
  std::vector<std::uint64_t> content_ends;  // where each event before a gap ends that brought content
};

StreamedBodyFacts read_streamed_body(const StreamedBody& body) noexcept;

}  // namespace borehole::bedrock
