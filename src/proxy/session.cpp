// The session's events and ending. What opens a connection: session_opening.cpp. Exchanges: session_exchange.cpp.
// Waiting: session_waiting.cpp.
#include "proxy/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "proxy/refusal.h"

namespace borehole::proxy {

namespace {

http::ReaderLimits reader_limits(const Policy& policy) {
  http::ReaderLimits limits;
  limits.head_bytes = policy.config->limits.head_bytes;
  limits.trailer_bytes = policy.config->limits.head_bytes;
  limits.header_fields = policy.config->limits.header_fields;
  limits.target_bytes = policy.config->limits.target_bytes;
  limits.header_line_bytes = policy.config->limits.header_line_bytes;
  return limits;
}

}  // namespace

Session::Session(SessionContext context, Effects& effects)
    : context_(std::move(context)),
      effects_(effects),
      request_reader_(http::Role::request, reader_limits(*context_.policy)) {
  at_.local_ip = context_.local_ip;
  at_.local_port = context_.local_port;
}

Session::~Session() = default;

// --- events

void Session::started(TimePoint now) {
  // Behind the ports of HTTP the client speaks first, however late.
  const auto& meant_for = context_.meant_for;
  wait_for(meant_for && meant_for->port != 80 && meant_for->port != 443 ? Wait::inner : Wait::idle, now);
}

void Session::received(Side side, Bytes bytes, TimePoint now) {
  if (over()) return;
  if (side == Side::client && in_h2([&] { h2_->received(bytes, now); })) return;
  if (side == Side::upstream) {
    upstream_received(bytes, now);
  } else if (tunnelling()) {
    if (tap_) tap_->on_request_body(bytes, now);
    effects_.send(Side::upstream, bytes);
  } else if (client_in_.empty()) {
    const std::size_t taken = take(bytes, now);
    if (!over()) client_in_.append(bytes.substr(taken));
  } else {
    client_in_.append(bytes);
  }
  settle(now);
}

void Session::ended(Side side, TimePoint now) {
  if (over()) return;
  const Error left{ErrorCode::client_aborted, Fault::client,
                   "the client closed its connection before its call was complete"};
  if (side == Side::client && in_h2([&] { h2_->client_gone(left, now); })) return;
  end_came(side, now);
  settle(now);
}

void Session::end_came(Side side, TimePoint now) {
  if (tunnelling() || phase_ == Phase::tunnel_opening) return ended_in_tunnel(side, now);
  if (side == Side::client) {
    client_ended_ = true;  // `settle` sees to it, once what had come is taken
    return;
  }
  upstream_ended_ = true;
  if (response_state_ == ResponseState::complete) return end_answered(now);
  if (!response_reader_ || (response_state_ == ResponseState::head && response_reader_->idle())) {
    return response_failed(
        {ErrorCode::upstream_closed, Fault::upstream,
         fmt::format("{} closed the connection before it answered; the request was not sent again, so try it again",
                     route_->target.host)},
        now);
  }
  auto at_end = response_reader_->end();
  if (!at_end) return response_failed(at_end.error(), now);
  response_state_ = ResponseState::complete;
  if (record_ != 0) await_record(calls::Outcome::complete, nullptr, AfterRecord::exchange, now);
  if (over()) return;
  if (request_state_ != RequestState::complete) return end_answered(now);
  finish_exchange_if_done(now);
}

void Session::broken(Side side, const Error& error, TimePoint now) {
  if (over()) return;
  if (phase_ == Phase::h2 && error.code == ErrorCode::client_tls_failed && at_.origin && !h2_->spoken_to()) {
    begin_tap(nullptr, at_.origin->way_in, "/", at_.origin->authority, now);
    finish_tap(calls::Outcome::client_aborted, &error, 0, now);
  }
  if (side == Side::client && in_h2([&] { h2_->client_gone(error, now); })) return;
  break_came(side, error, now);
  settle(now);
}

void Session::break_came(Side side, const Error& error, TimePoint now) {
  if (side == Side::client) {
    if (error.code == ErrorCode::client_tls_failed && at_.origin && !served_ && !refusal_inside_) {
      begin_tap(nullptr, at_.origin->way_in, "/", at_.origin->authority, now);
    }
    return client_left(error, now);
  }
  upstream_ended_ = true;
  if (tunnelling() || phase_ == Phase::tunnel_opening) {
    finish_tap(calls::Outcome::upstream_failed, &error, status_, now);
    return end_session(false);
  }
  if (response_state_ == ResponseState::complete) return end_answered(now);
  if (error.code == ErrorCode::out_of_memory) return response_failed(error, now);
  Error told = error;
  told.fault = Fault::upstream;
  if (status_ < 200) {
    told.code = ErrorCode::upstream_closed;
    told.detail = fmt::format(
        "the connection to {} broke before it answered ({}); the request was not sent again, so try it again",
        route_ ? route_->target.host : std::string("the upstream"), error.detail);
  } else {
    told.code = ErrorCode::upstream_broke;
  }
  response_failed(told, now);
}

void Session::reached(TimePoint now) {
  if (over() || phase_ != Phase::connecting) return;
  answer_connect(now);
  settle(now);
}

void Session::answer_connect(TimePoint now) {
  upstream_coming_ = false;
  tap_.reset();  // what follows inside is recorded, the CONNECT itself only where it fails
  record_ = 0;
  effects_.send(Side::client, "HTTP/1.1 200 Connection established\r\n\r\n");
  request_reader_ = http::MessageReader(http::Role::request, reader_limits(*context_.policy));
  request_state_ = RequestState::idle;
  head_there_ = served_ = false;
  phase_ = Phase::inner_octets;
  wait_for(connect_->intercept ? Wait::head : Wait::inner, now);
}

void Session::leased(const calls::UpstreamFacts& facts, TimePoint now) {
  if (over()) return;
  upstream_came();
  if (phase_ == Phase::connecting || phase_ == Phase::tunnel_opening) {
    if (phase_ == Phase::connecting) effects_.send(Side::client, "HTTP/1.1 200 Connection established\r\n\r\n");
    phase_ = Phase::tunnel;
    wait_for(Wait::nothing, now);
  } else {
    send_head(facts, now);
  }
  settle(now);
}

void Session::connect_failed(const Error& error, TimePoint now) {
  if (over()) return;
  upstream_coming_ = false;
  if (phase_ == Phase::negotiating) {
    negotiated_.emplace().error = error;
    phase_ = before_negotiating_;
    return settle(now);
  }
  if (phase_ == Phase::tunnel_opening) {
    log::info("tunnel to {}: {}", http::to_string(connect_->authority), error.detail);
    return end_session(false);
  }
  refuse(error, now);
  settle(now);
}

void Session::negotiated(const std::string& alpn, const calls::UpstreamFacts& facts, TimePoint now) {
  if (over() || phase_ != Phase::negotiating) return;
  upstream_coming_ = false;
  negotiated_ = Negotiated{alpn, facts, {}};
  phase_ = before_negotiating_;
  settle(now);
}

// --- HTTP/2: what `h2_` decides

void Session::leg_opened(LegId leg, const calls::UpstreamFacts& facts, TimePoint now) {
  in_h2([&] { h2_->leg_opened(leg, facts, now); });
}
void Session::leg_failed(LegId leg, const Error& error, TimePoint now) {
  in_h2([&] { h2_->leg_failed(leg, error, now); });
}
void Session::leg_received(LegId leg, Bytes bytes, TimePoint now) {
  in_h2([&] { h2_->leg_received(leg, bytes, now); });
}
void Session::leg_gone(LegId leg, const Error& error, TimePoint now) {
  in_h2([&] { h2_->leg_gone(leg, error, now); });
}
void Session::leg_congested(LegId leg, TimePoint now) {
  in_h2([&] { h2_->leg_congested(leg, true, now); });
}
void Session::leg_drained(LegId leg, TimePoint now) {
  in_h2([&] { h2_->leg_congested(leg, false, now); });
}

void Session::recorded(RecordNumber number, bool on_disk, TimePoint now) {
  if (over()) return;
  if (in_h2([&] { h2_->recorded(number, on_disk, now); })) return;
  if (number == record_ && !on_disk) record_lost_ = true;
  if (awaited_ == 0 || number != awaited_) return;
  awaited_ = 0;
  record_settled(on_disk, now);
  settle(now);
}

void Session::judged(QuestionNumber question, Policy::Verdict verdict, TimePoint now) {
  if (over()) return;
  if (in_h2([&] { h2_->judged(question, verdict, now); })) return;
  if (request_state_ != RequestState::judging || question != questions_) return;
  request_state_ = RequestState::idle;
  if (const auto refusal = Policy::refusal_for(verdict)) {
    refuse_head(*refusal, now);
  } else {
    request_admitted(now);
  }
  settle(now);
}

// --- shutting down

void Session::cut(TimePoint now) {
  if (over()) return;
  if (in_h2([&] { h2_->cut(now); })) return;
  record_unjudged(now);
  const Error error{ErrorCode::shutting_down, Fault::proxy, "borehole was shut down before the call was done"};
  finish_tap(calls::Outcome::refused, &error, status_, now);
  end_session(false);
}

void Session::shut_down(TimePoint now) {
  if (over()) return;
  draining_ = true;
  if (in_h2([&] { h2_->shut_down(now); })) return;
  const bool quiet = client_in_.empty() && request_state_ == RequestState::idle && request_reader_.idle();
  if (quiet && (phase_ == Phase::first_octets || phase_ == Phase::http || phase_ == Phase::inner_octets))
    end_session(true);
}

void Session::give_up(const Error& error, TimePoint now) noexcept {
  phase_ = Phase::over;
  if (h2_) h2_->give_up(error);
  finish_tap(calls::Outcome::refused, &error, status_, now);
}

// --- what the client sends

void Session::settle(TimePoint now) {
  if (!over()) {  // also with nothing: a message may be complete, a head may wait
    const std::size_t taken = take(client_in_.view(), now);
    if (!over()) client_in_.consume(std::min(taken, client_in_.size()));
  }
  if (!over() && client_ended_) settle_client_end(now);
  if (!over()) update_holds();
}

// Nothing more comes from the client, and what had come is taken as far as the state allows.
void Session::settle_client_end(TimePoint now) {
  const bool redirected = phase_ == Phase::first_octets && context_.meant_for;
  if (redirected || (phase_ == Phase::inner_octets && !connect_->intercept)) {
    redirected ? pass_by(now) : open_tunnel(now);
    if (over()) return;
    if (phase_ == Phase::tunnel && !client_in_.empty()) {
      effects_.send(Side::upstream, client_in_.view());
      client_in_.release();
    }
  }
  if (tunnelling()) {
    if (!client_end_sent_) effects_.end_writing(Side::upstream);
    client_end_sent_ = true;
    return;
  }
  if (phase_ == Phase::connecting || phase_ == Phase::tunnel_opening) return;
  if (phase_ == Phase::http && (request_state_ == RequestState::complete || request_state_ == RequestState::leasing ||
                                request_state_ == RequestState::judging))
    return;  // half-close: the answer is still wanted
  if (awaited_ != 0) return end_answered(now);
  client_left(
      {ErrorCode::client_aborted, Fault::client, "the client closed its connection before its request was complete"},
      now);
}

std::size_t Session::take(Bytes bytes, TimePoint now) {
  std::size_t offset = 0;
  while (!over()) {
    const Bytes rest = bytes.substr(offset);
    std::optional<std::size_t> taken;
    switch (phase_) {
      case Phase::first_octets: taken = take_first_octets(rest, now); break;
      case Phase::inner_octets: taken = take_inner_octets(rest, now); break;
      case Phase::http: taken = take_http(rest, now); break;
      case Phase::negotiating:
      case Phase::connecting:
      case Phase::tunnel_opening: break;
      case Phase::h2:
        if (!rest.empty()) in_h2([&] { h2_->received(rest, now); });
        return bytes.size();
      case Phase::tunnel:
      case Phase::upgraded:
        if (!rest.empty()) {
          if (tap_) tap_->on_request_body(rest, now);
          effects_.send(Side::upstream, rest);
        }
        return bytes.size();
      case Phase::over: break;
    }
    if (!taken) break;
    offset += *taken;
  }
  return offset;
}

// --- ending

void Session::ended_in_tunnel(Side side, TimePoint now) {
  (side == Side::client ? client_ended_ : upstream_ended_) = true;
  if (side == Side::upstream && record_ != 0)
    await_record(calls::Outcome::complete, nullptr, AfterRecord::half_close, now);
  if (over() || awaited_ != 0) return;
  if (client_ended_ && upstream_ended_) {
    finish_tap(calls::Outcome::complete, nullptr, status_, now);
    return end_session(true);
  }
  if (side == Side::upstream) effects_.end_writing(Side::client);
}

void Session::client_left(const Error& error, TimePoint now) {
  Error told = error;
  if (told.code != ErrorCode::client_tls_failed) told.code = ErrorCode::client_aborted;
  told.fault = Fault::client;
  record_unjudged(now);
  if (response_state_ == ResponseState::complete && request_state_ == RequestState::relaying) {
    finish_tap(calls::Outcome::complete, nullptr, status_, now);  // it was answered, and did not want to send the rest
  } else if (tap_) {
    finish_tap(calls::Outcome::client_aborted, &told, status_, now);
  } else if (!request_reader_.idle() && request_state_ == RequestState::idle && phase_ == Phase::http) {
    begin_tap(nullptr, at_.origin ? at_.origin->way_in : calls::WayIn::absolute, "",
              at_.origin ? at_.origin->authority : http::Authority{}, now);
    finish_tap(calls::Outcome::client_aborted, &told, 0, now);
  }
  if (upstream_there_ || upstream_coming_) effects_.drop_upstream();
  upstream_there_ = upstream_coming_ = false;
  // Nobody may take what was sent of a response for all of it.
  end_session(response_state_ != ResponseState::body && awaited_ == 0);
}

void Session::finish_tap(calls::Outcome outcome, const Error* error, int status, TimePoint now) noexcept {
  record_ = 0;
  if (!tap_) return;
  tap_->on_finished(outcome, error, status, now);
  tap_.reset();
}

void Session::end_session(bool cleanly) {
  if (upstream_there_ && tunnelling() && cleanly) {
    effects_.finish_upstream();
  } else if (upstream_there_ || upstream_coming_) {
    effects_.drop_upstream();
  }
  upstream_there_ = upstream_coming_ = false;
  effects_.disarm();
  phase_ = Phase::over;
  if (cleanly) {
    effects_.finish_client();
  } else {
    effects_.break_client();
  }
}

}  // namespace borehole::proxy
