// The session's part where `record.durability` is strict: a response that waits for its record. Responses that break
// need not: nobody takes them for answers.
#include <utility>

#include "proxy/refusal.h"
#include "proxy/session.h"

namespace borehole::proxy {

// While a response comes, what came with one event is kept until its end, since it may be the last of it.
void Session::send_down(Bytes bytes) {
  if (record_ == 0) return effects_.send(Side::client, bytes);
  last_piece_.append(bytes);
}

void Session::pass_last_piece() {
  if (last_piece_.empty()) return;
  if (status_ >= 200) response_begun_ = true;
  effects_.send(Side::client, last_piece_.view());
  last_piece_.clear();
}

// Finishes the tap; `recorded` goes on.
void Session::await_record(calls::Outcome outcome, const Error* error, AfterRecord after, TimePoint now) {
  const RecordNumber number = record_;
  finish_tap(outcome, error, status_, now);
  awaited_ = number;
  after_record_ = after;
  if (!std::exchange(record_lost_, false)) return;
  awaited_ = 0;
  record_settled(false, now);
}

void Session::record_settled(bool on_disk, TimePoint now) {
  if (!on_disk) {
    if (upstream_there_ || upstream_coming_) effects_.drop_upstream();
    upstream_there_ = upstream_coming_ = false;
    last_piece_.clear();
    if (response_begun_ || tunnelling()) return end_session(false);
    const bool head_only = head_there_ && request_reader_.request_head().method() == "HEAD";
    return answer_it(refusal_response(record_not_kept(), true, head_only), false, now);
  }
  pass_last_piece();
  switch (after_record_) {
    case AfterRecord::exchange: return finish_exchange_if_done(now);
    case AfterRecord::end: return end_session(true);
    case AfterRecord::half_close: return client_ended_ ? end_session(true) : effects_.end_writing(Side::client);
    case AfterRecord::next_request:
      if (request_state_ != RequestState::complete) return;  // what is left of it is being discarded
      return request_reader_.keep_alive() && !draining_ ? next_request(now) : end_session(true);
  }
}

// Its response is complete, and nobody wants more of the request.
void Session::end_answered(TimePoint now) {
  finish_tap(calls::Outcome::complete, nullptr, status_, now);
  if (awaited_ == 0) return end_session(true);
  if (upstream_there_ || upstream_coming_) effects_.drop_upstream();
  upstream_there_ = upstream_coming_ = false;
  request_state_ = RequestState::complete;
  after_record_ = AfterRecord::end;
  wait_for(Wait::nothing, now);
}

}  // namespace borehole::proxy
