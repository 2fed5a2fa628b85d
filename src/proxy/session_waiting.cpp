// The session's waiting: for one side to take what is for it, and for either to say what it must.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/refusal.h"
#include "proxy/session.h"

namespace borehole::proxy {

namespace {

// A server that speaks first behind a CONNECT to an address is waited for no longer than this for a ClientHello.
constexpr Duration inner_patience = std::chrono::milliseconds(300);

}  // namespace

void Session::update_holds() {
  if (phase_ == Phase::h2) {  // windows bound what it holds; a client is never kept from giving room
    if (std::exchange(client_held_, false)) effects_.resume(Side::client);
    return;
  }
  const bool relaying = upstream_there_ && (tunnelling() || request_state_ == RequestState::relaying);
  const bool hold_client =
      (relaying && upstream_congested_) || client_in_.size() >= pending_limit ||
      (client_congested_ && !upstream_there_);  // a client that sends requests and reads no answers
  if (hold_client != client_held_) {
    client_held_ = hold_client;
    arriving_.restart();
    hold_client ? effects_.hold(Side::client) : effects_.resume(Side::client);
  }
  const bool hold_upstream = upstream_there_ && client_congested_;
  if (hold_upstream != upstream_held_) {
    upstream_held_ = hold_upstream;
    if (upstream_there_) hold_upstream ? effects_.hold(Side::upstream) : effects_.resume(Side::upstream);
  }
}

void Session::wait_for(Wait what, TimePoint now) {
  wait_ = what;
  wait_since_ = now;
  if (what == Wait::nothing) return;  // an armed timer may come and find nothing to do
  const TimePoint deadline = now + limit_of(what);
  if (armed_ && *armed_ <= deadline) return;  // it comes early, and is armed anew then
  armed_ = deadline;
  effects_.arm(deadline);
}

Duration Session::limit_of(Wait what) const {
  const auto& config = *context_.policy->config;
  switch (what) {
    case Wait::nothing: return Duration::max();
    case Wait::idle: return config.limits.idle_timeout;
    case Wait::head: return config.limits.head_timeout;
    case Wait::inner: return inner_patience;
    case Wait::request_body: return config.limits.idle_timeout;
    case Wait::response: return config.upstream.response_timeout;
  }
  return Duration::max();
}

void Session::congested(Side side, TimePoint now) {
  if (side == Side::client && in_h2([&] { h2_->client_congested(true, now); })) return;
  (side == Side::client ? client_congested_ : upstream_congested_) = true;
  if (!over()) update_holds();
}

void Session::drained(Side side, TimePoint now) {
  if (side == Side::client && in_h2([&] { h2_->client_congested(false, now); })) return;
  (side == Side::client ? client_congested_ : upstream_congested_) = false;
  if (!over()) update_holds();
}

void Session::timed_out(TimePoint now) {
  if (over()) return;
  armed_.reset();
  if (in_h2([&] { h2_->timed_out(now); })) return;
  if (wait_ == Wait::nothing) return;
  const TimePoint deadline = wait_since_ + limit_of(wait_);
  if (now < deadline) {
    armed_ = deadline;
    effects_.arm(deadline);
    return;
  }
  waited_in_vain(now);
  settle(now);
}

void Session::waited_in_vain(TimePoint now) {
  const auto seconds = [](Duration d) { return std::chrono::duration_cast<std::chrono::seconds>(d).count(); };
  switch (wait_) {
    case Wait::nothing: return;
    case Wait::idle: return end_session(true);
    case Wait::inner: return phase_ == Phase::first_octets ? pass_by(now) : open_tunnel(now);
    case Wait::head: {
      if (phase_ == Phase::first_octets && context_.meant_for) return pass_by(now);
      if (phase_ == Phase::inner_octets && !connect_->intercept) return open_tunnel(now);
      const Error error{ErrorCode::head_timeout, Fault::client,
                        fmt::format("the request head did not arrive within {} s (`limits.head_timeout`)",
                                    seconds(limit_of(Wait::head)))};
      if (phase_ != Phase::http || request_reader_.idle()) return end_session(true);
      begin_tap(nullptr, at_.origin ? at_.origin->way_in : calls::WayIn::absolute, "",
                at_.origin ? at_.origin->authority : http::Authority{}, now);
      return refuse(error, now);
    }
    case Wait::request_body:
      if (client_held_ && request_state_ == RequestState::relaying) return upstream_too_slow(limit_of(wait_), now);
      return client_left({ErrorCode::client_aborted, Fault::client,
                          fmt::format("the client sent nothing of its request for {} s", seconds(limit_of(wait_)))},
                         now);
    case Wait::response:
      if (upstream_held_) {
        return client_left({ErrorCode::client_aborted, Fault::client,
                            fmt::format("the client took nothing of its response for {} s", seconds(limit_of(wait_)))},
                           now);
      }
      return upstream_too_slow(limit_of(wait_), now);
  }
}

void Session::upstream_too_slow(Duration limit, TimePoint now) {
  if (response_state_ == ResponseState::complete) return end_answered(now);
  response_failed({ErrorCode::response_timeout, Fault::upstream,
                   fmt::format("{} {} for {} s (`{}`)", route_->target.host,
                               wait_ == Wait::response ? "sent nothing" : "took nothing of the request",
                               std::chrono::duration_cast<std::chrono::seconds>(limit).count(),
                               wait_ == Wait::response ? "upstream.response_timeout" : "limits.idle_timeout")},
                  now);
}

}  // namespace borehole::proxy
