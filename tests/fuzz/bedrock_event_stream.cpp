// Fuzzes the event stream decoder. Input: an octet that says how large portions are and whether what follows is a
// stream (even) or a message's headers, which get right checksums (odd); then that.
#include "bedrock/event_stream.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/invariant.h"
#include "unit/bedrock/frames.h"

using namespace borehole;

namespace {

struct Seen {
  std::string text;
  std::string error;
};

Seen decode(std::string_view stream, std::size_t portion) {
  bedrock::EventStreamDecoder decoder;
  Seen seen;
  std::uint64_t end = 0;
  do {
    decoder.feed(stream.substr(0, portion));
    stream.remove_prefix(std::min(portion, stream.size()));
    while (const auto message = decoder.next()) {
      demand(message->begin == end && message->end >= end + 16, "messages follow each other");
      end = message->end;
      for (const auto& header : message->headers) {
        demand(!header.name.empty(), "headers have names");
        seen.text.append(header.name).append(header.octets);
      }
      seen.text.append(message->name).append(message->payload);
      demand(message->payload.size() + 16 <= message->end - message->begin, "a payload lies inside its message");
    }
  } while (!stream.empty());
  decoder.finish();
  if (decoder.error()) {
    seen.error = decoder.error()->text();
    demand(decoder.error()->offset == end && decoder.error()->frame == decoder.messages() + 1,
           "the error has its place");
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(octets + 1), size - 1);
  const bool headers = octets[0] % 2 != 0;
  const std::string stream = headers ? bedrock::frame(rest, "payload") : std::string(rest);
  const Seen whole = decode(stream, stream.size() + 1);
  const Seen parts = decode(stream, 1 + octets[0] / 2U);
  demand(whole.text == parts.text && whole.error == parts.error, "portions change nothing");
  if (const auto at = bedrock::find_event_message(stream))
    demand(*at + 12 <= stream.size(), "a message found lies inside");
  return 0;
}
