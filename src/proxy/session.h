// One client connection's life as a state machine: events in, effects out. No socket, no clock, no thread; never alters
// what is forwarded beyond `route.h`, and never sends a request twice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "calls/tap.h"
#include "http/message_reader.h"
#include "proxy/body_pace.h"
#include "proxy/effects.h"
#include "proxy/h2_session.h"
#include "proxy/own_pages.h"
#include "proxy/policy.h"
#include "proxy/route.h"
#include "proxy/session_context.h"
#include "tls/client_hello.h"

namespace borehole::proxy {

// Events come one at a time; effects are asked for inside them. After `over()` nothing more may come.
class Session {
 public:
  Session(SessionContext context, Effects& effects);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void started(TimePoint now);
  void received(Side side, Bytes bytes, TimePoint now);
  void ended(Side side, TimePoint now);  // clean: FIN, and close_notify where there is TLS
  void broken(Side side, const Error& error, TimePoint now);
  void reached(TimePoint now);
  void leased(const calls::UpstreamFacts& facts, TimePoint now);
  void connect_failed(const Error& error, TimePoint now);
  // What `negotiate` led to; `alpn` is empty where nothing was agreed on.
  void negotiated(const std::string& alpn, const calls::UpstreamFacts& facts, TimePoint now);
  void leg_opened(LegId leg, const calls::UpstreamFacts& facts, TimePoint now);
  void leg_failed(LegId leg, const Error& error, TimePoint now);
  void leg_received(LegId leg, Bytes bytes, TimePoint now);
  void leg_gone(LegId leg, const Error& error, TimePoint now);  // ended or broke
  void leg_congested(LegId leg, TimePoint now);
  void leg_drained(LegId leg, TimePoint now);
  void congested(Side side, TimePoint now);  // more is queued towards that side than it should be
  void drained(Side side, TimePoint now);    // … and no longer
  // What became of a record that was waited for (Effects::await_record).
  void recorded(RecordNumber number, bool on_disk, TimePoint now);
  // What came of credentials that were to be checked (Effects::judge).
  void judged(QuestionNumber question, Policy::Verdict verdict, TimePoint now);
  void timed_out(TimePoint now);
  void cut(TimePoint now);        // ends at once, abnormally
  void shut_down(TimePoint now);  // no new work; ends as soon as what runs is done
  // An event threw, and has left this in whatever state: its calls are recorded as failed, and it is over. Nothing is
  // asked of the effects any more.
  void give_up(const Error& error, TimePoint now) noexcept;

  bool over() const noexcept { return phase_ == Phase::over; }
  // Octets that have come and not been passed on yet, beside what `send` took.
  std::size_t held() const noexcept {
    return client_in_.size() + head_out_.size() + last_piece_.size() + request_reader_.head_bytes() +
           (h2_ ? h2_->held() : 0);
  }
  bool tunnelling() const noexcept { return phase_ == Phase::tunnel || phase_ == Phase::upgraded; }

 private:
  enum class Phase : std::uint8_t {
    first_octets,  // nothing is known yet
    negotiating,   // the client offers HTTP/2: the upstream is asked what it speaks
    http,          // requests one after another
    connecting,    // CONNECT came; the host is being reached
    inner_octets,  // CONNECT was answered; the client speaks first
    tunnel_opening,
    tunnel,
    upgraded,  // behind a 101
    h2,        // `h2_` has taken over
    over,
  };
  enum class RequestState : std::uint8_t { idle, judging, leasing, relaying, discarding, complete };
  enum class ResponseState : std::uint8_t { none, head, body, complete };
  enum class Wait : std::uint8_t { nothing, idle, head, inner, request_body, response };
  enum class AfterRecord : std::uint8_t { exchange, next_request, end, half_close };

  void end_came(Side side, TimePoint now);
  void break_came(Side side, const Error& error, TimePoint now);
  void waited_in_vain(TimePoint now);
  void upstream_too_slow(Duration limit, TimePoint now);

  // What the client sent, taken as far as the state allows; the rest waits in `client_in_`. The last thing that an
  // event does.
  void settle(TimePoint now);
  void settle_client_end(TimePoint now);
  std::size_t take(Bytes bytes, TimePoint now);
  std::optional<std::size_t> take_first_octets(Bytes bytes, TimePoint now);
  std::optional<std::size_t> take_inner_octets(Bytes bytes, TimePoint now);
  std::optional<std::size_t> take_http(Bytes bytes, TimePoint now);

  // False: what the upstream speaks must be known first.
  bool open_origin(calls::WayIn way_in, http::Authority authority, const UpstreamTarget& target,
                   const tls::ClientHello& hello, Bytes received, TimePoint now);
  void open_h2(TimePoint now);
  template <class F>
  bool in_h2(F&& event);  // true: it has taken it
  void answer_connect(TimePoint now);
  void open_tunnel(TimePoint now);
  // A redirected connection that is none of an intercepted host goes where it was meant to go, untouched.
  void pass_by(TimePoint now);
  std::optional<Error> why_not_pass_by() const;
  // A client that offers only HTTP/2, and an upstream that does not speak it: the engine refuses the client with an
  // alert, the record says why.
  void note_only_h2(calls::WayIn way_in, const http::Authority& authority, TimePoint now);

  void request_head_came(TimePoint now);
  void request_admitted(TimePoint now);
  void refuse_head(const Error& error, TimePoint now);  // before anything was made of it
  void record_unjudged(TimePoint now);                  // a request that ends before its credentials are checked
  void connect_came(const http::RequestHead& head, TimePoint now);
  void begin_tap(const http::RequestHead* head, calls::WayIn way_in, std::string router,
                 const http::Authority& upstream, TimePoint now);
  void upstream_came();
  void send_head(const calls::UpstreamFacts& facts, TimePoint now);
  void send_to_upstream(Bytes raw, TimePoint now);
  void flush_head(TimePoint now);
  void request_passed(TimePoint now);
  void request_completed(TimePoint now);
  void request_broken(const Error& error, TimePoint now);  // its body will not be complete

  void upstream_received(Bytes bytes, TimePoint now);
  void relay_response(Bytes bytes, TimePoint now);
  void response_passed(TimePoint now);
  bool response_head_came(TimePoint now);  // false: the exchange ended with it
  // `record.answer_header` and the record's id, if answers are to name it.
  struct AnswerField {
    Bytes name, id;
  };
  std::optional<AnswerField> answer_field() const;
  void response_failed(const Error& error, TimePoint now);
  void finish_exchange_if_done(TimePoint now);
  void next_request(TimePoint now);

  // Where records are waited for: the last octets of a response, or its end, leave once its record is on disk.
  void send_down(Bytes bytes);
  void pass_last_piece();
  void await_record(calls::Outcome outcome, const Error* error, AfterRecord after, TimePoint now);
  void record_settled(bool on_disk, TimePoint now);
  void end_answered(TimePoint now);

  void refuse(const Error& error, TimePoint now);
  bool may_stay(const http::RequestHead& head) const;
  void answer_it(const std::string& response, bool stays, TimePoint now);
  void client_left(const Error& error, TimePoint now);
  void finish_tap(calls::Outcome outcome, const Error* error, int status, TimePoint now) noexcept;
  void end_session(bool cleanly);
  void ended_in_tunnel(Side side, TimePoint now);
  void update_holds();

  void wait_for(Wait what, TimePoint now);
  Duration limit_of(Wait what) const;

  SessionContext context_;
  Effects& effects_;
  Surroundings at_;
  Phase phase_ = Phase::first_octets;
  RequestState request_state_ = RequestState::idle;
  ResponseState response_state_ = ResponseState::none;

  http::MessageReader request_reader_;
  std::optional<http::MessageReader> response_reader_;
  Buffer client_in_;  // received, not yet taken; at most `pending_limit` and one read
  Buffer head_out_;   // an edited head that waits for the first body octets, to leave with them

  std::optional<Route> route_;
  std::optional<ConnectRoute> connect_;
  // What came of `negotiate`.
  struct Negotiated {
    std::string alpn;
    calls::UpstreamFacts facts;
    std::optional<Error> error;
  };
  std::optional<Negotiated> negotiated_;
  Phase before_negotiating_ = Phase::first_octets;
  std::optional<Error> failed_before_;  // told to the first request; the next ones try anew
  std::unique_ptr<H2Session> h2_;
  std::optional<Error> refusal_inside_;  // told inside the opened TLS, where the client shows it
  std::unique_ptr<calls::Tap> tap_;
  int status_ = 0;

  RecordNumber record_ = 0;   // the tap's, where it will be waited for
  RecordNumber awaited_ = 0;  // the finished one's
  AfterRecord after_record_ = AfterRecord::exchange;
  Buffer last_piece_;            // of the response: what came with this event, or waits for the record
  bool records_fail_ = false;    // so it was when `record_` was begun
  bool record_lost_ = false;     // `record_`: it will never be on disk
  bool response_begun_ = false;  // octets of the final response have left; known where records are waited for

  bool upstream_there_ = false;   // leased
  bool upstream_coming_ = false;  // asked for
  bool upstream_ended_ = false;
  bool upstream_dirty_ = false;  // sent what was not asked for: not to be used again
  bool client_ended_ = false;
  bool client_end_sent_ = false;  // … and the upstream of a tunnel was told
  bool client_congested_ = false;
  bool upstream_congested_ = false;
  bool client_held_ = false;
  bool upstream_held_ = false;
  bool draining_ = false;
  bool head_there_ = false;       // the request's head was read and is sound
  bool served_ = false;           // a request other than CONNECT came
  bool response_passed_ = false;  // the tap was told

  QuestionNumber questions_ = 0;  // about credentials, so far
  std::uint64_t requests_ = 0;    // that were answered by an upstream
  BodyPace arriving_;             // of the request's body since it was last held back

  Wait wait_ = Wait::nothing;
  TimePoint wait_since_{};
  std::optional<TimePoint> armed_;

  static constexpr LegId first_leg = 1;
  static constexpr std::size_t pending_limit = 64 * 1024;
};

template <class F>
bool Session::in_h2(F&& event) {
  if (phase_ != Phase::h2) return false;
  event();
  if (h2_->over()) phase_ = Phase::over;
  return true;
}

}  // namespace borehole::proxy
