// The HTTP/2 session's events and ending. Exchanges: h2_exchange.cpp; waiting: h2_waiting.cpp.
#include "proxy/h2_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "proxy/h2_parts.h"

namespace borehole::proxy {

namespace {

http::H2Limits limits_of(const Policy& policy) {
  http::H2Limits limits;
  limits.header_list_bytes = policy.config->limits.head_bytes;
  limits.max_streams = static_cast<std::uint32_t>(policy.config->limits.h2_streams);
  return limits;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Pings and settings: more than any client has reason for; the burst is what one may send at its beginning.
constexpr double idle_frames_at_once = 1000;
constexpr double idle_frames_per_second = 100;
// Streams that the client resets before they were answered (CVE-2023-44487).
constexpr double resets_at_once = 200;
constexpr double resets_per_second = 20;
// Idle connections to upstreams that a session keeps, beside those in use.
constexpr std::size_t most_idle_legs = 4;

}  // namespace

bool H2Session::Patience::spent(TimePoint now) {
  left = std::min(most, left + per_second * seconds(now - since));
  since = now;
  if (left < 1) return true;
  left -= 1;
  return false;
}

H2Session::H2Session(const SessionContext& context, Surroundings at, Effects& effects, TimePoint now)
    : context_(context),
      at_(std::move(at)),
      effects_(effects),
      now_(now),
      client_(std::make_unique<ClientSide>(*this, limits_of(*context.policy))),
      idle_frames_{idle_frames_at_once, idle_frames_at_once, idle_frames_per_second, now},
      resets_{resets_at_once, resets_at_once, resets_per_second, now},
      idle_since_(now) {
  effects_.noticed(Notice::h2_connection);
  watch();
}

H2Session::~H2Session() = default;

// --- events

void H2Session::adopt(LegId id, const calls::UpstreamFacts& facts, TimePoint now) {
  auto leg = std::make_unique<Leg>(*this, id, at_.origin->target, limits_of(*context_.policy));
  leg->there = true;
  leg->facts = facts;
  legs_.emplace(id, std::move(leg));
  next_leg_ = id + 1;
  now_ = now;
  settle();
}

void H2Session::received(Bytes bytes, TimePoint now) {
  now_ = now;
  if (!std::exchange(spoken_to_, true)) idle_since_ = now;
  look_for_room();
  client_->codec.feed(bytes);
  settle();
}

void H2Session::client_gone(const Error& error, TimePoint now) {
  now_ = now;
  Error told = error;
  told.fault = Fault::client;
  if (told.code != ErrorCode::client_tls_failed) told.code = ErrorCode::client_aborted;
  end_calls(calls::Outcome::client_aborted, told);
  end_session();
}

void H2Session::leg_opened(LegId id, const calls::UpstreamFacts& facts, TimePoint now) {
  now_ = now;
  const auto found = legs_.find(id);
  if (found == legs_.end()) return;
  Leg& leg = *found->second;
  leg.there = true;
  leg.facts = facts;
  for (const auto& [upstream, client] : leg.streams) {
    if (Stream* const stream = find(client)) told_upstream(leg, *stream);
  }
  settle();
}

void H2Session::leg_failed(LegId id, const Error& error, TimePoint now) {
  now_ = now;
  fail_leg(id, error, false);
  settle();
}

void H2Session::leg_received(LegId id, Bytes bytes, TimePoint now) {
  now_ = now;
  const auto found = legs_.find(id);
  if (found == legs_.end()) return;
  look_for_room();
  found->second->codec.feed(bytes);
  settle();
}

void H2Session::leg_gone(LegId id, const Error& error, TimePoint now) {
  now_ = now;
  fail_leg(id, error, true);
  settle();
}

// The connection is no more; what it carried fails.
void H2Session::fail_leg(LegId id, const Error& error, bool was_there) {
  const auto found = legs_.find(id);
  if (found == legs_.end()) return;
  gone_legs_.push_back(std::move(found->second));
  legs_.erase(found);
  Leg& leg = *gone_legs_.back();
  effects_.drop_leg(id);
  const auto carried = std::exchange(leg.streams, {});
  for (const auto& [upstream, client] : carried) {
    Stream* const stream = find(client);
    if (stream == nullptr) continue;
    drop_held_up(*stream);
    stream->leg = nullptr;
    Error told = error;
    if (was_there) {
      told.fault = Fault::upstream;
      told.code = stream->status < 200 ? ErrorCode::upstream_closed : ErrorCode::upstream_broke;
      if (stream->status < 200) {
        told.detail = fmt::format(
            "the connection to {} ended before it answered ({}); the request was not sent again, so try it again",
            leg.target.host, error.detail);
      }
    }
    response_failed(*stream, told);
  }
}

void H2Session::client_congested(bool is, TimePoint now) {
  now_ = now;
  client_congested_ = is;
  // Every leg is this client's alone: where it does not read, nothing more needs to come.
  for (const auto& [id, leg] : legs_) {
    if (!leg->there || leg->held == is) continue;
    leg->held = is;
    is ? effects_.hold_leg(id) : effects_.resume_leg(id);
  }
  if (!is) settle();
}

void H2Session::leg_congested(LegId id, bool is, TimePoint now) {
  now_ = now;
  const auto found = legs_.find(id);
  if (found == legs_.end()) return;
  found->second->congested = is;
  if (!is) settle();
}

// --- what is said

// Each codec's octets go out; room that they made on the other side may give that something to say.
void H2Session::settle() {
  look_for_room();
  pass_last_pieces();
  bool more = true;
  while (more && !over_) {
    more = pump_client();
    for (auto leg = legs_.begin(); leg != legs_.end() && !over_;) {
      Leg& here = *(leg++)->second;  // it may be let go
      more = pump(here) || more;
      if (here.broke) {
        const Error error = *here.broke;
        fail_leg(here.id, error, true);
        more = true;
      }
    }
  }
  if (!over_) tell_taps();
  if (std::exchange(more_to_say_, false) && !over_) return settle();
  gone_legs_.clear();
  if (over_) return;
  if (broken_ || (spoken_to_ && client_->codec.finished()) || (draining_ && streams_.empty())) return end_session();
  watch();
}

void H2Session::tell_taps() {
  if (!passed_up_.empty()) {
    const Duration held = effects_.flush(Side::upstream) - now_;
    for (const StreamId id : std::exchange(passed_up_, {})) {
      if (Stream* const stream = find(id); stream != nullptr && stream->tap) stream->tap->on_request_passed(held);
    }
  }
  if (!passed_down_.empty()) {
    const TimePoint left = effects_.flush(Side::client);
    for (const StreamId id : std::exchange(passed_down_, {})) {
      if (Stream* const stream = find(id); stream != nullptr && stream->tap)
        stream->tap->on_response_passed(left - now_, left);
    }
  }
  for (const StreamId id : std::exchange(answered_, {})) {
    Stream* const stream = find(id);
    if (stream == nullptr || stream->record == 0) continue;
    if (stream->tap && !stream->request_ended) stream->tap->on_note(std::string(early_response_note));
    await_record(*stream, calls::Outcome::complete, nullptr);
  }
  for (const StreamId id : std::exchange(done_, {})) {
    Stream* const stream = find(id);
    if (stream == nullptr) continue;
    finish_tap(*stream, calls::Outcome::complete, nullptr);
    forget(id);
  }
}

bool H2Session::pump_client() {
  if (!spoken_to_ || client_congested_) return false;
  Buffer out;
  for (Bytes piece = client_->codec.pull(); !piece.empty(); piece = client_->codec.pull()) out.append(piece);
  if (out.empty()) return false;
  effects_.send(Side::client, out.view());
  return true;
}

bool H2Session::pump(Leg& leg) {
  if (!leg.there || leg.congested) return false;
  Buffer out;
  for (Bytes piece = leg.codec.pull(); !piece.empty(); piece = leg.codec.pull()) out.append(piece);
  if (!out.empty()) effects_.send_leg(leg.id, out.view());
  if (!leg.broke && leg.codec.finished()) {
    const LegId id = leg.id;
    effects_.finish_leg(id);
    const auto found = legs_.find(id);
    for (const auto& [upstream, client] : leg.streams) {  // answered in full: the client may still be taking it
      if (Stream* const stream = find(client)) {
        drop_held_up(*stream);
        stream->leg = nullptr;
      }
    }
    leg.streams.clear();
    gone_legs_.push_back(std::move(found->second));
    legs_.erase(found);
  }
  return !out.empty();
}

// --- legs

H2Session::Leg& H2Session::leg_for(const UpstreamTarget& target) {
  for (const auto& [id, leg] : legs_) {
    if (!leg->leaving && leg->target == target) return *leg;
  }
  drop_idle_legs();
  const LegId id = next_leg_++;
  Leg& leg = *legs_.emplace(id, std::make_unique<Leg>(*this, id, target, limits_of(*context_.policy))).first->second;
  effects_.open_leg(id, target);
  return leg;
}

void H2Session::drop_idle_legs() {
  std::size_t idle = 0;
  for (auto leg = legs_.begin(); leg != legs_.end();) {
    const auto here = leg++;
    if (!here->second->streams.empty() || ++idle <= most_idle_legs) continue;
    effects_.finish_leg(here->first);
    gone_legs_.push_back(std::move(here->second));
    legs_.erase(here);
  }
}

// The upstream says that it takes no more; streams behind `last` were not begun, and may be sent anew by the client.
void H2Session::leg_leaves(Leg& leg, StreamId last, std::uint32_t code, const std::string& debug) {
  leg.leaving = true;
  if (!at_.origin || draining_) return;  // a new leg is opened for new streams
  if (last == (std::int32_t{1} << 30) - 1 + (std::int32_t{1} << 30)) return client_->codec.announce_shutdown();
  StreamId told = last_done_;
  for (const auto& [id, stream] : streams_) {
    const bool left_out = stream->leg == &leg && stream->upstream > last;
    if (!left_out) told = std::max(told, id);
  }
  draining_ = true;
  client_->codec.goaway(told, code, debug);
}

void H2Session::leg_allows_extended_connect(const Leg& leg) {
  if (extended_connect_ || !at_.origin || leg.target != at_.origin->target) return;
  extended_connect_ = true;
  client_->codec.allow_extended_connect();
}

// --- the client's manners

void H2Session::idle_frame_came() {
  if (broken_ || !idle_frames_.spent(now_)) return;
  client_->codec.terminate(http::h2_error::enhance_your_calm);
  client_broke(http::h2_error::enhance_your_calm,
               "more PING, SETTINGS, PRIORITY or empty DATA frames than any use has");
}

void H2Session::client_broke(std::uint32_t code, const std::string& why) {
  if (std::exchange(broken_, true)) return;
  effects_.noticed(code == http::h2_error::enhance_your_calm ? Notice::h2_flood : Notice::h2_malformed);
  log::info("HTTP/2 with {} was ended with {}: {}", context_.client_address, http::h2_error_name(code), why);
  end_calls(calls::Outcome::client_aborted,
            {ErrorCode::client_aborted, Fault::client,
             fmt::format("the client's HTTP/2 connection was ended with {}: {}", http::h2_error_name(code), why)});
}

// --- ending

void H2Session::cut(TimePoint now) {
  now_ = now;
  end_calls(calls::Outcome::refused,
            {ErrorCode::shutting_down, Fault::proxy, "borehole was shut down before the call was done"});
  for (const auto& [id, leg] : legs_) effects_.drop_leg(id);
  legs_.clear();
  over_ = true;
  effects_.disarm();
  effects_.break_client();
}

void H2Session::shut_down(TimePoint now) {
  now_ = now;
  if (std::exchange(draining_, true)) return;
  client_->codec.goaway(client_->codec.last_stream(), http::h2_error::none, {});
  settle();
}

void H2Session::end_calls(calls::Outcome outcome, const Error& error) {
  for (const auto& [id, stream] : streams_) {
    record_unjudged(*stream);
    if (stream->delivered) {
      finish_tap(*stream, calls::Outcome::complete, nullptr);
    } else {
      finish_tap(*stream, outcome, &error);
    }
  }
}

void H2Session::give_up(const Error& error) noexcept {
  over_ = true;
  for (const auto& [id, stream] : streams_) {
    if (stream) finish_tap(*stream, calls::Outcome::refused, &error);
  }
}

void H2Session::end_session() {
  if (over_) return;
  pump_client();
  over_ = true;
  for (const auto& [id, leg] : legs_) effects_.drop_leg(id);
  legs_.clear();
  streams_.clear();
  effects_.disarm();
  effects_.finish_client();
}

}  // namespace borehole::proxy
