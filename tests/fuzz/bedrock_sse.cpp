// Fuzzes the decoder of text/event-stream. Input: an octet that says how large portions are, then the stream.
#include "bedrock/sse.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/invariant.h"

using namespace borehole;

namespace {

constexpr std::size_t kLimit = 4096;

std::string decode(std::string_view stream, std::size_t portion) {
  bedrock::SseDecoder decoder(kLimit);
  std::string seen;
  std::uint64_t end = 0;
  do {
    decoder.feed(stream.substr(0, portion));
    stream.remove_prefix(std::min(portion, stream.size()));
    while (const auto event = decoder.next()) {
      demand(event->begin >= end && event->end > event->begin, "events follow each other");
      demand(event->data.size() <= kLimit, "events are bounded");
      end = event->end;
      seen.append(event->type).append("\n").append(event->id).append("\n").append(event->data).append("\n\n");
    }
  } while (!stream.empty());
  if (decoder.retry()) seen += std::to_string(*decoder.retry());
  demand(!decoder.error() || !decoder.cut(), "an error is no cut");
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(octets + 1), size - 1);
  const std::string whole = decode(stream, stream.size() + 1);
  // Above the limit a line is refused as soon as that is seen, which depends on the portions.
  if (stream.size() <= kLimit)
    demand(whole == decode(stream, 1U + octets[0]), "portions change nothing");
  else
    decode(stream, 1U + octets[0]);
  return 0;
}
