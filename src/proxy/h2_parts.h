// The parts of an HTTP/2 session: the client's side, legs to upstreams, streams. Never included outside proxy/h2_*.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "proxy/body_pace.h"
#include "proxy/h2_session.h"

namespace borehole::proxy {

// One exchange.
struct H2Session::Stream {
  StreamId id = 0;        // towards the client
  Leg* leg = nullptr;     // null: it was answered here, or its upstream has been let go
  StreamId upstream = 0;  // its id on the leg
  std::string host;       // of the target
  std::string protocol;   // of an extended CONNECT (RFC 8441): what is spoken in it is not HTTP
  std::string sent_head;  // in the shape of HTTP/1, until the leg is there
  std::unique_ptr<calls::Tap> tap;
  int status = 0;
  bool head_only = false;
  bool request_ended = false;   // the client has ended it
  bool response_ended = false;  // the upstream has ended it, or it was answered here
  bool delivered = false;       // … and all of that has left for the client
  TimePoint active{};           // when something last came or left
  BodyPace arriving;            // of the request's body since the upstream last held it back
  bool speaks_up = false;       // the request's body is messages, one whenever there is something to say …
  bool conversation = false;    // … and so is the response's
  // While octets wait for the client: since when it has taken less than is asked of it, and how much that was.
  std::optional<TimePoint> untaken_since;
  std::size_t taken = 0;
  std::size_t held_up = 0, held_down = 0;  // octets with the codecs that have not left
  // While room is scarce: octets that left, and that the windows of the client's stream and of the leg's were not given
  // for; and those of `held_up` that the client's connection was not given its window for.
  std::size_t withheld_up = 0, withheld_down = 0, unreturned = 0;

  // As a tunnel, it may be silent for as long as both sides like.
  bool opaque() const noexcept { return !protocol.empty() && status / 100 == 2; }
  // What came while the credentials are being checked; at most the stream's window.
  struct Unjudged {
    http::H2Fields fields;
    std::string body;
    http::H2Fields trailers;
  };
  std::unique_ptr<Unjudged> unjudged;
  // Where records are waited for: of the response, what came with this event; and once it has ended, what waits until
  // the record is on disk.
  struct LastPiece {
    std::optional<http::H2Fields> head;
    std::string body;
    http::H2Fields trailers;
    bool ended = false;
  } last;
  RecordNumber record = 0;                    // the tap's
  RecordNumber awaited = 0;                   // the finished one's
  bool record_lost = false;                   // `record`: it will never be on disk
  std::optional<std::uint32_t> reset_behind;  // the response, once it may leave
};

class H2Session::ClientSide final : public http::H2Events {
 public:
  ClientSide(H2Session& session, const http::H2Limits& limits)
      : codec(http::H2Codec::Role::server, limits, *this), session_(session) {}
  void on_head(StreamId stream, http::H2Fields fields, bool ended, bool too_large) override {
    session_.request_came(stream, fields, ended, too_large);
  }
  void on_body(StreamId stream, Bytes content) override { session_.request_body(stream, content); }
  void on_trailers(StreamId stream, http::H2Fields fields, bool too_large) override {
    too_large ? session_.request_trailers_too_large(stream) : session_.request_ended(stream, std::move(fields));
  }
  void on_end(StreamId stream) override { session_.request_ended(stream, {}); }
  void on_refused(StreamId, bool too_many) override { session_.request_not_taken(too_many); }
  void on_malformed(StreamId stream, std::string why) override { session_.request_malformed(stream, why); }
  void on_reset(StreamId stream, std::uint32_t code) override { session_.request_reset(stream, code); }
  void on_left(StreamId stream, std::size_t octets) override { session_.response_left(stream, octets); }
  void on_all_left(StreamId stream) override { session_.response_all_left(stream); }
  void on_settings(bool) override {}
  void on_goaway(StreamId, std::uint32_t, std::string) override {}  // it will open no more streams: that is all
  void on_priority_update(StreamId stream, Bytes value) override { session_.priority_changed(stream, value); }
  void on_idle_frame() override { session_.idle_frame_came(); }
  void on_failed(std::uint32_t code, std::string why) override { session_.client_broke(code, why); }

  http::H2Codec codec;

 private:
  H2Session& session_;
};

// A connection to an upstream, there or on its way; requests wait in its codec.
class H2Session::Leg final : public http::H2Events {
 public:
  Leg(H2Session& session, LegId its_id, UpstreamTarget its_target, const http::H2Limits& limits)
      : id(its_id),
        target(std::move(its_target)),
        codec(http::H2Codec::Role::client, limits, *this),
        session_(session) {}
  void on_head(StreamId stream, http::H2Fields fields, bool ended, bool too_large) override {
    session_.response_came(*this, stream, std::move(fields), ended, too_large);
  }
  void on_body(StreamId stream, Bytes content) override { session_.response_body(*this, stream, content); }
  void on_trailers(StreamId stream, http::H2Fields fields, bool too_large) override {
    too_large ? session_.response_trailers_too_large(*this, stream)
              : session_.response_ended(*this, stream, std::move(fields));
  }
  void on_end(StreamId stream) override { session_.response_ended(*this, stream, {}); }
  void on_refused(StreamId, bool) override {}
  void on_malformed(StreamId stream, std::string why) override { session_.response_malformed(*this, stream, why); }
  void on_reset(StreamId stream, std::uint32_t code) override { session_.response_reset(*this, stream, code); }
  void on_left(StreamId stream, std::size_t octets) override { session_.request_left(*this, stream, octets); }
  void on_all_left(StreamId) override {}
  void on_settings(bool extended_connect) override {
    if (extended_connect) session_.leg_allows_extended_connect(*this);
  }
  void on_goaway(StreamId last, std::uint32_t code, std::string debug) override {
    session_.leg_leaves(*this, last, code, debug);
  }
  void on_priority_update(StreamId, Bytes) override {}
  void on_idle_frame() override {}
  void on_failed(std::uint32_t code, std::string why) override {
    broke = Error{ErrorCode::malformed_response, Fault::upstream,
                  fmt::format("{} broke HTTP/2 ({}: {}), so its connection was ended", target.host,
                              http::h2_error_name(code), why)};
  }

  const LegId id;
  const UpstreamTarget target;
  http::H2Codec codec;
  calls::UpstreamFacts facts;
  std::unordered_map<StreamId, H2Session::StreamId> streams;  // its ids to the client's
  std::optional<Error> broke;
  bool there = false;
  bool used = false;     // has carried a request
  bool leaving = false;  // takes no more requests
  bool congested = false;
  bool held = false;

 private:
  H2Session& session_;
};

// Event streams and gRPC, by their content type: who sends one may say little for a long time.
bool is_conversation(const http::H2Fields& fields);

}  // namespace borehole::proxy
