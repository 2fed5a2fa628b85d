// The HTTP/2 session's waiting: for requests and responses, and for clients that take what they asked for.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "proxy/h2_parts.h"

namespace borehole::proxy {

namespace {

// A client that takes an octet of its response now and then does not read it: as much as this is to leave within
// `upstream.response_timeout`, or all that waits.
constexpr std::size_t least_taken = 128 * 1024;

std::int64_t whole_seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace

// What is for the client, and begins to wait for it if nothing did.
void H2Session::give(Stream& stream, Bytes content) {
  if (content.empty()) return;
  if (!stream.untaken_since) {
    stream.untaken_since = now_;
    stream.taken = 0;
  }
  stream.held_down += content.size();
  held_ += content.size();
  client_->codec.body(stream.id, content);
}

void H2Session::taken(Stream& stream, std::size_t octets) {
  stream.active = now_;
  stream.taken += octets;
  stream.held_down -= octets;
  held_ -= octets;
  if (stream.held_down == 0) {
    stream.untaken_since.reset();
  } else if (stream.taken >= least_taken) {
    stream.untaken_since = now_;
    stream.taken = 0;
  }
}

Duration H2Session::patience_for(const Stream& stream) const {
  const auto& config = *context_.policy->config;
  if (stream.request_ended || stream.status >= 200) return config.upstream.response_timeout;
  return config.limits.idle_timeout;
}

Duration H2Session::idle_limit() const {
  const auto& limits = context_.policy->config->limits;
  return spoken_to_ ? limits.idle_timeout : limits.head_timeout;
}

void H2Session::watch() {
  if (over_) return;
  std::optional<TimePoint> due;
  const auto until = [&](TimePoint when) { due = due ? std::min(*due, when) : when; };
  if (streams_.empty()) until(idle_since_ + idle_limit());
  for (const auto& [id, stream] : streams_) {
    if (stream->opaque() || stream->unjudged) continue;
    until(stream->active + patience_for(*stream));
    if (stream->untaken_since) until(*stream->untaken_since + context_.policy->config->upstream.response_timeout);
  }
  if (!due || (armed_ && *armed_ <= *due)) return;  // an early one is armed anew when it comes
  armed_ = due;
  effects_.arm(*due);
}

// The client's own doing: its stream alone ends.
void H2Session::give_up(Stream& stream, std::string why) {
  const Error error{ErrorCode::client_aborted, Fault::client, std::move(why)};
  const StreamId id = stream.id;
  let_upstream_go(stream, http::h2_error::cancel);
  finish_tap(stream, calls::Outcome::client_aborted, &error);
  client_->codec.reset(id, http::h2_error::cancel);
  forget(id);
}

void H2Session::timed_out(TimePoint now) {
  now_ = now;
  armed_.reset();
  if (streams_.empty() && now - idle_since_ >= idle_limit()) {
    client_->codec.goaway(client_->codec.last_stream(), http::h2_error::none, {});
    pump_client();
    return end_session();
  }
  const Duration reading_time = context_.policy->config->upstream.response_timeout;
  const auto unread = [&](const Stream& stream) {
    return stream.untaken_since && now - *stream.untaken_since >= reading_time;
  };
  std::vector<StreamId> late;
  for (const auto& [id, stream] : streams_) {
    if (stream->untaken_since && client_->codec.unsent(id) == 0) stream->untaken_since.reset();
    // Other streams of the client have its connection's window, and are watched themselves.
    if (crowded_ && !stream->request_ended && stream->held_up == 0 && client_->codec.window(0) == 0)
      stream->active = now;
    if (stream->opaque() || stream->unjudged || (!unread(*stream) && now - stream->active < patience_for(*stream)))
      continue;
    if (!stream->last.ended || unread(*stream)) {
      late.push_back(id);
    } else {
      stream->active = now;  // its record is waited for, as long as that takes
    }
  }
  for (const StreamId id : late) {
    Stream& stream = *find(id);
    if (unread(stream)) {
      give_up(stream, fmt::format("the client took less than {} KiB of its response within {} s, and not all that was "
                                  "there (`upstream.response_timeout`)",
                                  least_taken / 1024, whole_seconds(reading_time)));
      continue;
    }
    const auto waited = whole_seconds(patience_for(stream));
    if (client_->codec.unsent(id) > 0) {
      give_up(stream, fmt::format("the client took nothing of its response for {} s", waited));
      continue;
    }
    if (!stream.request_ended && (stream.leg == nullptr || stream.leg->codec.unsent(stream.upstream) == 0) &&
        stream.status < 200) {
      give_up(stream, fmt::format("the client sent nothing of its request for {} s", waited));
      continue;
    }
    const bool asked = stream.request_ended || stream.status >= 200;
    const Error error{
        ErrorCode::response_timeout, Fault::upstream,
        fmt::format("{} {} for {} s (`{}`)", stream.host, asked ? "sent nothing" : "took nothing of the request",
                    waited, asked ? "upstream.response_timeout" : "limits.idle_timeout")};
    stream.active = now_;
    let_upstream_go(stream, http::h2_error::cancel);
    response_failed(stream, error);
  }
  settle();
}

}  // namespace borehole::proxy
