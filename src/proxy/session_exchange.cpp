// The session's exchanges: a request on its way up, its response on its way down, and what is said where that fails.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/refusal.h"
#include "proxy/session.h"

namespace borehole::proxy {

namespace {

// Up to this much of a body's beginning is copied behind its head, so that both leave in one record.
constexpr std::size_t join_limit = 16 * 1024;

calls::WayIn way_in_of(const http::RequestHead& head, const Surroundings& at) {
  if (at.origin) return at.origin->way_in;
  if (head.method() == "CONNECT") return calls::WayIn::connect;
  const auto target = http::split_target(head.method(), head.target());
  return target && target->form == http::TargetForm::absolute ? calls::WayIn::absolute : calls::WayIn::gateway;
}

}  // namespace

// --- up

std::optional<std::size_t> Session::take_http(Bytes bytes, TimePoint now) {
  switch (request_state_) {
    case RequestState::judging:
    case RequestState::leasing:
    case RequestState::complete: return std::nullopt;
    case RequestState::idle:
      if (bytes.empty()) return std::nullopt;
      if (wait_ != Wait::head) wait_for(Wait::head, now);
      break;
    case RequestState::relaying:
      if (bytes.empty()) flush_head(now);
      break;
    case RequestState::discarding: break;
  }
  auto progress = request_reader_.feed(bytes);
  if (!progress) {
    if (request_state_ == RequestState::idle) {
      begin_tap(nullptr, at_.origin ? at_.origin->way_in : calls::WayIn::absolute, "",
                at_.origin ? at_.origin->authority : http::Authority{}, now);
      refuse(progress.error(), now);
    } else {
      request_broken(progress.error(), now);
    }
    return std::nullopt;
  }
  const Bytes raw = bytes.substr(0, progress->consumed);
  switch (progress->step) {
    case http::MessageReader::Step::more:
    case http::MessageReader::Step::body:
      if (request_state_ == RequestState::idle) return raw.size();
      if (raw.empty()) return std::nullopt;
      if (request_state_ == RequestState::relaying) send_to_upstream(raw, now);
      if (wait_ == Wait::request_body) wait_since_ = now;
      if (const auto error = arriving_.came(raw.size(), context_.policy->config->limits.body_bytes_per_second, now)) {
        request_broken(*error, now);
        return std::nullopt;
      }
      break;
    case http::MessageReader::Step::head: request_head_came(now); break;
    case http::MessageReader::Step::complete:
      if (request_state_ == RequestState::relaying) send_to_upstream(raw, now);
      if (tap_ && request_state_ == RequestState::relaying) {
        for (const Bytes content : request_reader_.content()) tap_->on_request_body(content, now);
      }
      request_completed(now);
      return raw.size();
  }
  if (tap_ && request_state_ == RequestState::relaying && progress->step == http::MessageReader::Step::body) {
    for (const Bytes content : request_reader_.content()) tap_->on_request_body(content, now);
  }
  return raw.size();
}

// Upstream it is cut where it ends; the client is told why, unless its answer has begun.
void Session::request_broken(const Error& error, TimePoint now) {
  if (request_state_ == RequestState::discarding || status_ >= 200) return client_left(error, now);
  flush_head(now);
  if (upstream_there_) effects_.drop_upstream();
  upstream_there_ = false;
  request_state_ = RequestState::idle;
  refuse(error, now);
}

void Session::begin_tap(const http::RequestHead* head, calls::WayIn way_in, std::string router,
                        const http::Authority& upstream, TimePoint now) {
  if (context_.taps == nullptr) return;
  AwaitedRecord awaited;
  if (context_.strict_records) awaited = effects_.await_record();
  record_ = awaited.number;
  records_fail_ = awaited.failing;
  record_lost_ = response_begun_ = false;
  tap_ = context_.taps->begin({way_in, std::move(router), context_.client_address, upstream.host, upstream.port,
                               context_.client_process, std::move(awaited.receipt)},
                              now);
  if (tap_ && head != nullptr) tap_->on_request_head(*head, now);
}

void Session::request_head_came(TimePoint now) {
  const http::RequestHead& head = request_reader_.request_head();
  status_ = 0;
  response_passed_ = false;
  head_there_ = served_ = true;
  std::optional<Error> refusal = refusal_inside_;
  if (!refusal && failed_before_) refusal = std::exchange(failed_before_, std::nullopt);
  if (!refusal && context_.refusal) refusal = context_.refusal;
  if (!refusal && draining_) {
    refusal = Error{ErrorCode::shutting_down, Fault::proxy, "borehole is shutting down; try again on a new connection"};
  }
  const bool asked_for_credentials = !at_.origin || at_.origin->way_in == calls::WayIn::direct;
  if (!refusal && asked_for_credentials) {
    const auto verdict = context_.policy->judge(head, context_.client_holder, now);
    if (!verdict) {
      request_state_ = RequestState::judging;
      wait_for(Wait::nothing, now);
      return effects_.judge(++questions_, context_.policy->users, *head.find("proxy-authorization"),
                            context_.client_holder);
    }
    refusal = Policy::refusal_for(*verdict);
  }
  if (refusal) return refuse_head(*refusal, now);
  request_admitted(now);
}

void Session::refuse_head(const Error& error, TimePoint now) {
  const http::RequestHead& head = request_reader_.request_head();
  if (!tap_) begin_tap(&head, way_in_of(head, at_), "", at_.origin ? at_.origin->authority : http::Authority{}, now);
  refuse(error, now);
}

void Session::record_unjudged(TimePoint now) {
  if (request_state_ != RequestState::judging) return;
  const http::RequestHead& head = request_reader_.request_head();
  begin_tap(&head, way_in_of(head, at_), "", at_.origin ? at_.origin->authority : http::Authority{}, now);
}

void Session::request_admitted(TimePoint now) {
  const http::RequestHead& head = request_reader_.request_head();
  if (head.method() == "CONNECT" && !at_.origin) return connect_came(head, now);
  if (context_.pages != nullptr && is_for_own_pages(head, at_)) {
    const bool stays = may_stay(head);
    return answer_it(own_response(head, *context_.pages, !stays), stays, now);
  }

  auto route = route_request(head, at_, *context_.policy);
  if (!route) return refuse_head(route.error(), now);
  take_away_hop_by_hop(head, route->edit, route->notes);
  route_ = *std::move(route);
  http::Authority upstream;
  upstream.host = route_->target.tls_name;
  upstream.port = route_->target.port;
  begin_tap(&head, route_->way_in, route_->router, upstream, now);
  if (tap_) {
    for (const auto& note : route_->notes) tap_->on_note(note);
  }
  if (record_ != 0 && records_fail_) return refuse(records_fail(), now);
  request_state_ = RequestState::leasing;
  wait_for(Wait::nothing, now);
  upstream_coming_ = true;
  if (auto facts = effects_.lease(route_->target)) {
    upstream_came();
    send_head(*facts, now);
  } else {
    request_passed(now);  // what follows until `leased` is waiting
  }
}

void Session::connect_came(const http::RequestHead& head, TimePoint now) {
  auto connect = route_connect(head, at_, *context_.policy);
  if (!connect) {
    begin_tap(&head, calls::WayIn::connect, "", {}, now);
    return refuse(connect.error(), now);
  }
  connect_ = *std::move(connect);
  const http::Authority& authority = connect_->authority;
  const UpstreamTarget target{authority.host, authority.port, connect_->intercept, authority.host, false};
  if (connect_->intercept) begin_tap(&head, calls::WayIn::connect, "/", authority, now);
  request_state_ = RequestState::leasing;
  phase_ = Phase::connecting;
  wait_for(Wait::nothing, now);
  if (connect_->intercept || authority.is_ip) {
    upstream_coming_ = true;
    if (effects_.reach(target)) answer_connect(now);
  } else {
    upstream_coming_ = true;
    if (effects_.lease_tunnel(target)) {
      upstream_came();
      phase_ = Phase::tunnel;
      effects_.send(Side::client, "HTTP/1.1 200 Connection established\r\n\r\n");
    }
  }
}

// Nothing that was known of the one before is true of it.
void Session::upstream_came() {
  upstream_coming_ = false;
  upstream_there_ = true;
  upstream_ended_ = upstream_dirty_ = upstream_held_ = upstream_congested_ = false;
}

void Session::send_head(const calls::UpstreamFacts& facts, TimePoint now) {
  const http::RequestHead& head = request_reader_.request_head();
  if (tap_) tap_->on_upstream(facts, now);
  if (!response_reader_ || !response_reader_->idle()) {
    const auto& limits = context_.policy->config->limits;
    http::ReaderLimits of_response{limits.head_bytes * 16, limits.head_bytes, 64 * 1024};
    of_response.header_fields = limits.header_fields * 4;
    of_response.header_line_bytes = limits.header_line_bytes * 4;
    response_reader_.emplace(http::Role::response, of_response);
  }
  response_reader_->expect_response_to(head.method());
  response_state_ = ResponseState::head;
  request_state_ = RequestState::relaying;
  http::apply(head, route_->edit, head_out_);
  if (tap_) tap_->on_sent_head(head_out_.view(), now);
  wait_for(Wait::request_body, now);
}

void Session::send_to_upstream(Bytes raw, TimePoint now) {
  const bool head = !head_out_.empty();
  if (head && raw.size() <= join_limit) {
    head_out_.append(raw);
    raw = {};
  }
  if (head) {
    effects_.send(Side::upstream, head_out_.view());
    head_out_.clear();
  }
  if (!raw.empty()) effects_.send(Side::upstream, raw);
  if (head) request_passed(now);
}

void Session::flush_head(TimePoint now) {
  if (!head_out_.empty()) send_to_upstream({}, now);
}

void Session::request_passed(TimePoint now) {
  if (tap_) tap_->on_request_passed(effects_.flush(Side::upstream) - now);
}

void Session::request_completed(TimePoint now) {
  if (request_state_ == RequestState::discarding && awaited_ != 0) {  // its refusal waits for its record
    request_state_ = RequestState::complete;
    return wait_for(Wait::nothing, now);
  }
  if (request_state_ == RequestState::discarding) {
    if (!request_reader_.keep_alive() || draining_) return end_session(true);
    return next_request(now);
  }
  request_state_ = RequestState::complete;
  if (tap_) tap_->on_request_complete(now);
  wait_for(Wait::response, now);
  finish_exchange_if_done(now);
}

// --- down

void Session::upstream_received(Bytes bytes, TimePoint now) {
  relay_response(bytes, now);
  if (!over() && awaited_ == 0) pass_last_piece();
}

void Session::relay_response(Bytes bytes, TimePoint now) {
  if (tunnelling()) {
    pass_last_piece();  // the 101
    if (tap_) tap_->on_response_body(bytes, now);
    return effects_.send(Side::client, bytes);
  }
  if (wait_ == Wait::response) wait_since_ = now;
  if (response_state_ != ResponseState::head && response_state_ != ResponseState::body) {
    upstream_dirty_ = true;  // nothing was asked for
    return;
  }
  std::size_t offset = 0;
  std::size_t unsent = 0;  // where what may be passed on begins
  const auto pass_on = [&](std::size_t end) {
    if (end > unsent) send_down(bytes.substr(unsent, end - unsent));
    unsent = end;
    response_passed(now);
  };
  while (true) {
    auto progress = response_reader_->feed(bytes.substr(offset));
    if (!progress) {
      if (status_ >= 200) pass_on(offset);
      Error error = progress.error();
      if (status_ >= 200) error.code = ErrorCode::upstream_broke;
      return response_failed(error, now);
    }
    offset += progress->consumed;
    switch (progress->step) {
      case http::MessageReader::Step::more:
        // Body framing is passed on as it comes; an incomplete head waits in the reader until it is known to be good.
        if (response_state_ == ResponseState::body) pass_on(offset);
        return;
      case http::MessageReader::Step::head: {
        const http::ResponseHead& head = response_reader_->response_head();
        const bool whole = head.raw().size() == progress->consumed;  // else a part of it came earlier
        const auto field = head.informational() && head.status() != 101 ? std::nullopt : answer_field();
        if (whole && !field) {
          if (!response_head_came(now)) return;
          break;
        }
        if (whole) pass_on(offset - progress->consumed);
        unsent = offset;
        if (!response_head_came(now)) return;
        if (field) {
          Buffer named;
          http::add_field(head, field->name, field->id, named);
          send_down(named.view());
        } else {
          send_down(head.raw());
        }
        break;
      }
      case http::MessageReader::Step::body:
      case http::MessageReader::Step::complete: {
        if (tap_) {
          for (const Bytes content : response_reader_->content()) tap_->on_response_body(content, now);
        }
        if (progress->step == http::MessageReader::Step::body) break;
        pass_on(offset);
        if (response_reader_->response_head().informational() && status_ != 101) break;  // the final response follows
        if (phase_ == Phase::upgraded) {
          const Bytes rest = bytes.substr(offset);
          if (!rest.empty()) relay_response(rest, now);
          return;
        }
        response_state_ = ResponseState::complete;
        if (offset < bytes.size()) upstream_dirty_ = true;
        if (record_ != 0) {
          if (tap_ && request_state_ == RequestState::relaying) tap_->on_note(std::string(early_response_note));
          await_record(calls::Outcome::complete, nullptr, AfterRecord::exchange, now);
          if (over()) return;
        }
        if (request_state_ == RequestState::relaying) wait_for(Wait::request_body, now);
        return finish_exchange_if_done(now);
      }
    }
    if (offset == bytes.size() && response_state_ == ResponseState::body &&
        response_reader_->framing() != http::Framing::none && progress->step == http::MessageReader::Step::body) {
      pass_on(offset);
      return;
    }
  }
}

// Once for each exchange, before anything can end it.
void Session::response_passed(TimePoint now) {
  if (!tap_ || response_passed_ || (status_ < 200 && status_ != 101)) return;
  response_passed_ = true;
  const TimePoint left = effects_.flush(Side::client);
  tap_->on_response_passed(left - now, left);
}

std::optional<Session::AnswerField> Session::answer_field() const {
  const auto& name = context_.policy->config->record.answer_header;
  if (!name || !tap_ || tap_->id().empty()) return std::nullopt;
  return AnswerField{*name, tap_->id()};
}

bool Session::response_head_came(TimePoint now) {
  const http::ResponseHead& head = response_reader_->response_head();
  if (head.status() == 101) {
    const bool asked = request_reader_.request_head().find("upgrade").has_value();
    if (!asked || request_state_ != RequestState::complete) {
      response_failed(
          {ErrorCode::malformed_response, Fault::upstream,
           fmt::format("{} switched protocols (101) though the request did not ask for it", route_->target.host)},
          now);
      return false;
    }
    phase_ = Phase::upgraded;
    wait_for(Wait::nothing, now);
  }
  status_ = head.status();
  if (tap_) tap_->on_response_head(head, now);
  if (status_ >= 200) {
    response_state_ = ResponseState::body;
    flush_head(now);
    wait_for(Wait::response, now);
  }
  return true;
}

void Session::response_failed(const Error& error, TimePoint now) {
  pass_last_piece();
  if (upstream_there_ || upstream_coming_) effects_.drop_upstream();
  upstream_there_ = upstream_coming_ = false;
  response_reader_.reset();  // its failure is final
  response_state_ = ResponseState::none;
  if (status_ < 200) return refuse(error, now);
  finish_tap(calls::Outcome::upstream_failed, &error, status_, now);
  end_session(false);
}

void Session::finish_exchange_if_done(TimePoint now) {
  if (request_state_ != RequestState::complete || response_state_ != ResponseState::complete) return;
  finish_tap(calls::Outcome::complete, nullptr, status_, now);
  const std::size_t most = context_.policy->config->limits.requests_per_connection;
  const bool client_stays =
      request_reader_.keep_alive() && response_reader_->keep_alive() && !draining_ && (++requests_ < most || most == 0);
  if (!upstream_there_) {  // it was let go before the record was on disk
  } else if (upstream_dirty_ || upstream_ended_ || upstream_congested_ || !response_reader_->keep_alive() ||
             !request_reader_.keep_alive()) {
    effects_.drop_upstream();
  } else {
    if (upstream_held_) effects_.resume(Side::upstream);
    effects_.give_back();
  }
  upstream_there_ = false;
  if (awaited_ != 0) return wait_for(Wait::nothing, now);
  if (!client_stays) return end_session(true);
  next_request(now);
}

void Session::next_request(TimePoint now) {
  request_state_ = RequestState::idle;
  response_state_ = ResponseState::none;
  head_there_ = false;
  status_ = 0;
  arriving_.restart();
  route_.reset();
  head_out_.release();  // most of a connection's life is waiting for the next
  wait_for(Wait::idle, now);
}

// --- refusing

void Session::refuse(const Error& error, TimePoint now) {
  const int status = refusal_shape(error.code).status;
  std::string naming;
  if (const auto field = answer_field()) naming = fmt::format("{}: {}\r\n", field->name, field->id);
  head_out_.clear();
  // After a 400 it is not certain what follows; and a refusal for want of room must make room.
  const bool sound = head_there_ && status != 400 && status != 408 && status != 431 && status != 503;
  const http::RequestHead& head = request_reader_.request_head();
  const bool connect = sound && head.method() == "CONNECT";
  const bool head_only = head_there_ && head.method() == "HEAD";
  const bool stays = sound && !connect && may_stay(head);
  status_ = status;
  const auto outcome = error.fault == Fault::upstream ? calls::Outcome::upstream_failed : calls::Outcome::refused;
  const std::string response = refusal_response(error, !stays, head_only, naming);
  if (record_ == 0) {
    finish_tap(outcome, &error, status, now);
    return answer_it(response, stays, now);
  }
  last_piece_.append(response);
  const bool discards = stays && request_state_ != RequestState::complete;
  request_state_ = discards ? RequestState::discarding : RequestState::complete;
  wait_for(discards ? Wait::request_body : Wait::nothing, now);
  await_record(outcome, &error, stays ? AfterRecord::next_request : AfterRecord::end, now);
}

// A client that waits for 100 may never send its body.
bool Session::may_stay(const http::RequestHead& head) const {
  return request_reader_.keep_alive() && !head.find("expect") && !draining_;
}

// An answer that no upstream gave; what is left of the request's body is discarded.
void Session::answer_it(const std::string& response, bool stays, TimePoint now) {
  effects_.send(Side::client, response);
  if (!stays) return end_session(true);
  if (request_state_ == RequestState::complete) {
    next_request(now);
    return;
  }
  request_state_ = RequestState::discarding;
  wait_for(Wait::request_body, now);
}

}  // namespace borehole::proxy
