// One side of an HTTP/2 connection over memory (RFC 9113): octets in, events out, and back. Never touches a socket or a
// clock, never decides where a message goes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace borehole::http {

using StreamId = std::int32_t;

struct H2Field {
  std::string name, value;
  bool never_indexed = false;  // RFC 7541 section 6.2.3; stays so on the other side

  friend bool operator==(const H2Field&, const H2Field&) = default;
};
using H2Fields = std::vector<H2Field>;  // as received: pseudo-header fields first, order and duplicates kept

// Error codes (RFC 9113 section 7); others pass as they came.
namespace h2_error {
inline constexpr std::uint32_t none = 0x0, protocol = 0x1, internal = 0x2, stream_closed = 0x5, refused_stream = 0x7,
                               cancel = 0x8, enhance_your_calm = 0xb, http_1_1_required = 0xd;
}  // namespace h2_error
std::string h2_error_name(std::uint32_t code);  // "CANCEL", "error 0x1f"

struct H2Limits {
  std::size_t header_list_bytes = 64 * 1024;  // as RFC 9113 section 6.5.2 counts; told to the other side
  std::uint32_t max_streams = 100;            // that the other side may open; told to it
  // Octets of one stream's body that may have come and not been `consumed`. The connection's window is given anew at
  // once, so that no stream takes another's room: at most max_streams * stream_window octets are held, unless the
  // window is withheld.
  std::uint32_t stream_window = 256 * 1024;
};

// Called inside `feed` and `pull`; the codec may be asked for anything in them but these two.
class H2Events {
 public:
  virtual ~H2Events() = default;
  // A request, a response (1xx too); `ended`: no body follows. `too_large`: more than `header_list_bytes`, the rest of
  // the fields was let go.
  virtual void on_head(StreamId stream, H2Fields fields, bool ended, bool too_large) = 0;
  virtual void on_body(StreamId stream, Bytes content) = 0;
  // They end it. `too_large`: as of a head.
  virtual void on_trailers(StreamId stream, H2Fields fields, bool too_large) = 0;
  virtual void on_end(StreamId stream) = 0;  // it ended without trailers, behind its head
  // The other side opened a stream that is not taken, behind a GOAWAY of ours or (`too_many`) more than `max_streams`
  // at a time. It is told so, and may send its request anew; nothing follows.
  virtual void on_refused(StreamId stream, bool too_many) = 0;
  // A head came that RFC 9113 section 8 forbids; `on_reset` follows.
  virtual void on_malformed(StreamId stream, std::string why) = 0;
  // The stream is over before both sides ended it: the other side reset it, a GOAWAY left it out, it broke the
  // protocol, or one's own `reset` has left.
  virtual void on_reset(StreamId stream, std::uint32_t code) = 0;
  virtual void on_left(StreamId stream, std::size_t octets) = 0;  // of its body, into what `pull` gives
  virtual void on_all_left(StreamId stream) = 0;                  // with the end
  virtual void on_settings(bool extended_connect) = 0;            // of the other side (RFC 8441)
  virtual void on_goaway(StreamId last, std::uint32_t code, std::string debug) = 0;
  virtual void on_priority_update(StreamId stream, Bytes value) = 0;  // RFC 9218 section 7.1
  virtual void on_idle_frame() = 0;  // one that moves nothing: PING, SETTINGS, PRIORITY, empty DATA
  // The other side broke the protocol of the connection: a GOAWAY with this code has left, nothing more is taken.
  virtual void on_failed(std::uint32_t code, std::string why) = 0;
};

// Neither side's mistake throws or returns an error: it is answered as RFC 9113 says, and told by the events. Where
// memory runs out it throws std::bad_alloc, and is of no more use.
class H2Codec {
 public:
  enum class Role : std::uint8_t { server, client };
  H2Codec(Role role, const H2Limits& limits, H2Events& events);
  ~H2Codec();
  H2Codec(const H2Codec&) = delete;
  H2Codec& operator=(const H2Codec&) = delete;

  void feed(Bytes bytes);  // takes all of it
  // The next octets for the other side; valid until the next call on the codec. Empty: nothing for now.
  Bytes pull();
  // Nothing is to be sent or received any more: both sides said farewell.
  bool finished() const noexcept;

  // A client's. The stream's id, or 0 where none can be opened any more (GOAWAY, ids used up).
  StreamId request(const H2Fields& fields, bool ended);
  // A server's. `ended`: nothing follows.
  void informational(StreamId stream, const H2Fields& fields);
  void response(StreamId stream, const H2Fields& fields, bool ended);

  void body(StreamId stream, Bytes content);  // copied; it leaves as the other side's window allows
  void end(StreamId stream);
  void trailers(StreamId stream, H2Fields fields);              // in place of `end`
  void reset(StreamId stream, std::uint32_t code);              // at once; what has not left is lost
  void reset_behind_body(StreamId stream, std::uint32_t code);  // once what was given has left
  std::size_t unsent(StreamId stream) const noexcept;           // octets given and not left
  // Octets of a stream's body are dealt with: as many may come anew, which the other side is told of half a window at a
  // time; or at once. Stream 0 is the connection.
  void consumed(StreamId stream, std::size_t octets);
  void consumed_now(StreamId stream, std::size_t octets);
  // While it is withheld the connection's window is given by `consumed` of stream 0 alone.
  void withhold_connection_window(bool is) noexcept;
  std::size_t window(StreamId stream) const noexcept;  // octets that may come; 0 also where there is no such stream

  void priority_update(StreamId stream, Bytes value);
  void allow_extended_connect();
  // No more streams than up to `last` (of those that the other side opened; those behind it are refused).
  void goaway(StreamId last, std::uint32_t code, Bytes debug);
  void announce_shutdown();  // GOAWAY with the highest id: streams on their way are still taken
  // GOAWAY; what lives is reset, nothing more is taken.
  void terminate(std::uint32_t code);
  StreamId last_stream() const noexcept;  // the highest that the other side opened

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::http
