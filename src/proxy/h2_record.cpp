// The HTTP/2 session's part where `record.durability` is strict: a response that waits for its record. See
// session_record.cpp.
#include <utility>

#include "proxy/h2_parts.h"
#include "proxy/refusal.h"

namespace borehole::proxy {

// Those that this event did not end go on at once.
void H2Session::pass_last_pieces() {
  for (const StreamId id : std::exchange(pieces_, {})) {
    Stream* const stream = find(id);
    if (stream != nullptr && !stream->last.ended) pass_last_piece(*stream);
  }
}

void H2Session::pass_last_piece(Stream& stream) {
  const StreamId id = stream.id;
  const auto last = std::exchange(stream.last, {});
  const bool head_ends = last.head && last.ended && last.body.empty() && last.trailers.empty();
  if (last.head) client_->codec.response(id, *last.head, head_ends);
  give(stream, last.body);
  if (last.ended && !head_ends) client_->codec.trailers(id, last.trailers);
  if (stream.reset_behind) client_->codec.reset_behind_body(id, *stream.reset_behind);
  if (head_ends) response_all_left(id);
}

// Finishes the tap; `recorded` goes on.
void H2Session::await_record(Stream& stream, calls::Outcome outcome, const Error* error) {
  const RecordNumber number = stream.record;
  finish_tap(stream, outcome, error);
  stream.awaited = number;
  if (stream.record_lost) record_settled(stream, false);
}

void H2Session::recorded(RecordNumber number, bool on_disk, TimePoint now) {
  now_ = now;
  for (const auto& [id, stream] : streams_) {
    if (stream->record == number && !on_disk) stream->record_lost = true;
    if (stream->awaited != number) continue;
    record_settled(*stream, on_disk);
    break;
  }
  settle();
}

void H2Session::record_settled(Stream& stream, bool on_disk) {
  stream.awaited = 0;
  stream.active = now_;
  more_to_say_ = true;
  if (on_disk) return pass_last_piece(stream);
  const bool begun = !stream.last.head;
  stream.last = {};
  stream.reset_behind.reset();
  let_upstream_go(stream, http::h2_error::cancel);
  if (!begun) return answer(stream, refusal_response(record_not_kept(), false, stream.head_only));
  client_->codec.reset_behind_body(stream.id, http::h2_error::internal);
  forget(stream.id);
}

}  // namespace borehole::proxy
