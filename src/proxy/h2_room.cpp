// The HTTP/2 session's windows while all connections together hold more than they should (`limits.buffered_bytes`):
// what is under way goes on in small steps, as it does in HTTP/1.1. Else a stream's window is given as its octets
// leave, and the connection's by the codec as they come.
#include <algorithm>
#include <utility>

#include "proxy/h2_parts.h"

namespace borehole::proxy {

namespace {

// What of a stream may wait here or be on its way here, and what of the connection's window is given at most, then.
// Windows that were given before cannot be taken back: they are let run down to this.
constexpr std::size_t stream_step = 16 * 1024;
constexpr std::size_t connection_step = 256 * 1024;

// Of `withheld`, what may be given; the rest stays.
void give_step(http::H2Codec& codec, http::StreamId stream, std::size_t step, std::size_t waiting,
               std::size_t& withheld) {
  if (withheld == 0) return;
  const std::size_t used = codec.window(stream) + waiting;
  if (used > step / 2) return;
  const std::size_t given = std::min(withheld, step - used);
  withheld -= given;
  codec.consumed_now(stream, given);
}

}  // namespace

// Before octets are taken, and behind every event. Whoever writes has room for a step, or octets of it wait here: so
// there is an event that sees that there is room again.
void H2Session::look_for_room() {
  const bool crowded = effects_.crowded();
  if (std::exchange(crowded_, crowded) == crowded) return;
  client_->codec.withhold_connection_window(crowded);
  if (crowded) return;
  for (const auto& [id, stream] : streams_) {
    client_->codec.consumed(id, std::exchange(stream->withheld_up, 0));
    if (stream->leg != nullptr) stream->leg->codec.consumed(stream->upstream, std::exchange(stream->withheld_down, 0));
    withheld_ += std::exchange(stream->unreturned, 0);
  }
  client_->codec.consumed(0, std::exchange(withheld_, 0));
}

// Octets of a request's body are dealt with.
void H2Session::left_up(Stream& stream, std::size_t octets) {
  if (!crowded_) return client_->codec.consumed(stream.id, octets);
  const std::size_t returned = std::min(octets, stream.unreturned);
  stream.unreturned -= returned;
  return_room(returned);
  stream.withheld_up += octets;
  if (!stream.request_ended) give_step(client_->codec, stream.id, stream_step, stream.held_up, stream.withheld_up);
}

// What waits of a request's body is wanted no more.
void H2Session::drop_held_up(Stream& stream) {
  held_ -= std::exchange(stream.held_up, 0);
  return_room(std::exchange(stream.unreturned, 0));
}

void H2Session::return_room(std::size_t octets) {
  withheld_ += octets;
  give_step(client_->codec, 0, connection_step, 0, withheld_);
}

// Octets of a response's body that the client has taken.
void H2Session::left_down(Stream& stream, std::size_t octets) {
  if (stream.leg == nullptr) return;
  if (!crowded_) return stream.leg->codec.consumed(stream.upstream, octets);
  stream.withheld_down += octets;
  if (!stream.response_ended)
    give_step(stream.leg->codec, stream.upstream, stream_step, stream.held_down, stream.withheld_down);
}

}  // namespace borehole::proxy
