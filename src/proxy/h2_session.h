// One client's HTTP/2 connection as a state machine: each stream is an exchange of its own, carried by a leg to its
// upstream. No socket, no clock, no thread; never translates between versions of HTTP, never sends a request twice.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "calls/tap.h"
#include "http/h2_codec.h"
#include "http/h2_head.h"
#include "proxy/effects.h"
#include "proxy/route.h"
#include "proxy/session_context.h"

namespace borehole::proxy {

// Events come one at a time, and effects are asked for inside them. Once it is over (`finish_client` or `break_client`
// was asked) nothing more may come.
class H2Session {
 public:
  // `context` outlives it. `at`: with an origin, every stream is for that.
  H2Session(const SessionContext& context, Surroundings at, Effects& effects, TimePoint now);
  ~H2Session();
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;

  void refuse_all(Error error) { refusal_ = std::move(error); }
  // The origin could not be reached while TLS was opened: told to the first stream, the next ones try anew.
  void first_fails(Error error) { failed_before_ = std::move(error); }
  // A leg to the origin that is there already.
  void adopt(LegId leg, const calls::UpstreamFacts& facts, TimePoint now);

  void received(Bytes bytes, TimePoint now);  // from the client
  void client_gone(const Error& error, TimePoint now);
  void leg_opened(LegId leg, const calls::UpstreamFacts& facts, TimePoint now);
  void leg_failed(LegId leg, const Error& error, TimePoint now);  // before it was there
  void leg_received(LegId leg, Bytes bytes, TimePoint now);
  void leg_gone(LegId leg, const Error& error, TimePoint now);  // ended or broke
  void client_congested(bool is, TimePoint now);
  void leg_congested(LegId leg, bool is, TimePoint now);
  void recorded(RecordNumber number, bool on_disk, TimePoint now);
  void judged(QuestionNumber question, Policy::Verdict verdict, TimePoint now);
  void timed_out(TimePoint now);
  void cut(TimePoint now);
  void shut_down(TimePoint now);
  void give_up(const Error& error) noexcept;  // as Session's
  bool over() const noexcept { return over_; }
  std::size_t held() const noexcept { return held_; }     // octets of bodies that have come and not left
  bool spoken_to() const noexcept { return spoken_to_; }  // the client has sent something

 private:
  using StreamId = http::StreamId;
  class ClientSide;
  class Leg;
  struct Stream;
  // What may come in bursts, but not for long.
  struct Patience {
    double left, most, per_second;
    TimePoint since;
    bool spent(TimePoint now);
  };

  // The client's side of the codec.
  void request_came(StreamId id, const http::H2Fields& fields, bool ended, bool too_large);
  void request_body(StreamId id, Bytes content);
  void request_ended(StreamId id, http::H2Fields trailers);
  void request_trailers_too_large(StreamId id);
  void request_not_taken(bool too_many);  // over HTTP/2's own limits: only counted
  void request_reset(StreamId id, std::uint32_t code);
  void request_malformed(StreamId id, const std::string& why);
  void response_left(StreamId id, std::size_t octets);
  void response_all_left(StreamId id);
  void priority_changed(StreamId id, Bytes value);
  void idle_frame_came();
  void client_broke(std::uint32_t code, const std::string& why);

  // A leg's side.
  void response_came(Leg& leg, StreamId upstream, http::H2Fields fields, bool ended, bool too_large);
  void response_body(Leg& leg, StreamId upstream, Bytes content);
  void response_ended(Leg& leg, StreamId upstream, http::H2Fields trailers);
  void response_trailers_too_large(Leg& leg, StreamId upstream);
  void response_reset(Leg& leg, StreamId upstream, std::uint32_t code);
  void response_malformed(Leg& leg, StreamId upstream, const std::string& why);
  void request_left(Leg& leg, StreamId upstream, std::size_t octets);
  void leg_leaves(Leg& leg, StreamId last, std::uint32_t code, const std::string& debug);
  void leg_allows_extended_connect(const Leg& leg);

  // Its head is sound, and its client is let in.
  void request_admitted(Stream& stream, const http::H2Fields& fields, const http::H2RequestHead& made);
  void refuse_head(Stream& stream, const http::RequestHead& head, const Error& error);
  void record_unjudged(Stream& stream);  // it ends before its credentials are checked
  Result<Route> route_of(const http::RequestHead& head, const http::H2Pseudo& pseudo) const;
  std::string target_text(const http::H2Pseudo& pseudo) const;
  // False: its record is waited for, and the last that was tried could not be written.
  bool begin_tap(Stream& stream, const http::RequestHead* head, calls::WayIn way_in, std::string router,
                 const http::Authority& upstream);
  void end_behind_last_request(StreamId id);
  void send_up(Stream& stream, Route route, const http::H2RequestHead& made, const http::H2Fields& fields);
  Leg& leg_for(const UpstreamTarget& target);
  void told_upstream(Leg& leg, Stream& stream);
  void forward_body(Stream& stream, Bytes content);
  void request_broken(Stream& stream, const Error& error);

  void refuse(Stream& stream, const Error& error);
  void answer(Stream& stream, const std::string& response);
  void response_failed(Stream& stream, const Error& error);  // upstream is let go already

  // Windows, while room is scarce (h2_room.cpp).
  void look_for_room();
  void left_up(Stream& stream, std::size_t octets);
  void left_down(Stream& stream, std::size_t octets);
  void drop_held_up(Stream& stream);
  void return_room(std::size_t octets);  // of the client's connection

  // Where records are waited for (h2_record.cpp).
  void pass_last_pieces();
  void pass_last_piece(Stream& stream);
  void await_record(Stream& stream, calls::Outcome outcome, const Error* error);
  void record_settled(Stream& stream, bool on_disk);

  void finish_tap(Stream& stream, calls::Outcome outcome, const Error* error) noexcept;
  void let_upstream_go(Stream& stream, std::uint32_t code);
  void fail_leg(LegId id, const Error& error, bool was_there);
  void forget(StreamId id);
  Stream* find(StreamId id);
  Stream* find(const Leg& leg, StreamId upstream);
  std::string answer_field(const Stream& stream) const;

  void settle();
  void tell_taps();  // of what has left with this event
  bool pump_client();
  bool pump(Leg& leg);
  void drop_idle_legs();
  void end_calls(calls::Outcome outcome, const Error& error);
  void end_session();
  void watch();                                    // arms the timer for what is due first
  void give(Stream& stream, Bytes content);        // to the client, as it takes it
  void taken(Stream& stream, std::size_t octets);  // by the client
  void give_up(Stream& stream, std::string why);   // for what the client does not do
  Duration patience_for(const Stream& stream) const;
  Duration idle_limit() const;
  calls::WayIn way_in() const;

  const SessionContext& context_;
  Surroundings at_;
  Effects& effects_;
  TimePoint now_;  // of the event that is being dealt with
  std::unique_ptr<ClientSide> client_;
  std::map<LegId, std::unique_ptr<Leg>> legs_;
  std::unordered_map<StreamId, std::unique_ptr<Stream>> streams_;
  std::vector<std::unique_ptr<Leg>> gone_legs_;  // may be on the call stack
  // Streams whose request has left, or waits for a leg; whose final head has left; that are done.
  std::vector<StreamId> passed_up_, passed_down_, done_;
  std::vector<StreamId> pieces_, answered_;  // with a `last` piece; whose response has ended, and their records wait
  LegId next_leg_ = 1;
  std::size_t requests_ = 0;  // that came
  std::size_t held_ = 0;
  std::size_t withheld_ = 0;  // octets that the client's connection is to be given its window for
  StreamId last_taken_ = 0;   // behind it none is, since so many came; 0: there is no such one yet
  StreamId last_done_ = 0;    // the highest stream that was answered in full
  std::optional<Error> refusal_;
  std::optional<Error> failed_before_;
  Patience idle_frames_, resets_;
  TimePoint idle_since_;
  std::optional<TimePoint> armed_;
  bool spoken_to_ = false;  // before, nothing can be said to it either
  bool client_congested_ = false;
  bool crowded_ = false;
  bool extended_connect_ = false;
  bool draining_ = false;
  bool broken_ = false;       // the client broke the protocol: its GOAWAY is the last word
  bool more_to_say_ = false;  // came about while taps were told
  bool over_ = false;
};

}  // namespace borehole::proxy
