// Fuzzes the counting of WebSocket frames: however the octets come, the counts are the same. Input: one direction's
// octets, the first of which says where the others are split.
#include "http/websocket_frames.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "fuzz/invariant.h"

using namespace borehole;

namespace {

void demand_same(const http::WebSocketCounts& a, const http::WebSocketCounts& b) {
  demand(a.text == b.text && a.binary == b.binary && a.continuation == b.continuation, "the same messages");
  demand(a.close == b.close && a.ping == b.ping && a.pong == b.pong && a.other == b.other, "the same controls");
  demand(a.payload_bytes == b.payload_bytes && a.close_code == b.close_code, "the same payloads");
  demand(a.unreadable_at == b.unreadable_at, "the same end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  if (size == 0) return 0;
  const Bytes text(reinterpret_cast<const char*>(octets) + 1, size - 1);
  const std::size_t split = std::min<std::size_t>(octets[0], text.size());
  http::WebSocketFrames whole;
  whole.look(text);
  http::WebSocketFrames parts;
  parts.look(text.substr(0, split));
  parts.look(text.substr(split));
  http::WebSocketFrames single;
  for (std::size_t i = 0; i < text.size(); ++i) single.look(text.substr(i, 1));
  demand_same(whole.counts(), parts.counts());
  demand_same(whole.counts(), single.counts());
  demand(2 * whole.counts().frames() + whole.counts().payload_bytes <= text.size(), "a frame has two octets and more");
  demand(!whole.counts().close_code || whole.counts().close != 0, "a code comes with a close");
  demand(whole.counts().unreadable_at.value_or(0) <= text.size(), "the end lies in what came");
  return 0;
}
