// What a session asks of the world around it. Implemented by the connection driver, and by the dialogues of tests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "calls/receipt.h"
#include "calls/tap.h"
#include "config/users_file.h"

namespace borehole::proxy {

enum class Side : std::uint8_t { client, upstream };

constexpr Side other(Side side) noexcept { return side == Side::client ? Side::upstream : Side::client; }

// Where a call goes.
struct UpstreamTarget {
  std::string host;  // dialled: lower-case name or IP literal
  std::uint16_t port = 0;
  bool tls = false;
  std::string tls_name;     // what the certificate must prove; most often `host`
  bool configured = false;  // the configuration names it, not the client: the address rules do not apply

  friend bool operator==(const UpstreamTarget&, const UpstreamTarget&) = default;
};

// How TLS towards the client is opened.
struct TlsPlan {
  std::string leaf_name;          // the host that the certificate is for; empty: the proxy's own
  Bytes received;                 // octets of the ClientHello that have already come; valid during the call
  std::string alpn = "http/1.1";  // the one protocol that may be agreed on
};

// One of a session's own connections to upstreams, where it has several side by side (HTTP/2). Named by the session;
// never used again for another.
using LegId = std::uint32_t;

// What a session asks about credentials. One connection's own, and never used again.
using QuestionNumber = std::uint64_t;

// A record that must be on disk before its response may end. Numbers are one connection's own, and never used again.
using RecordNumber = std::uint64_t;
struct AwaitedRecord {
  RecordNumber number = 0;
  std::shared_ptr<calls::Receipt> receipt;
  bool failing = false;  // the last that was tried could not be written
};

// Of a record that is finished before its request is.
inline constexpr std::string_view early_response_note =
    "the response ended before the request: the record has what had come of that";

// What is worth counting for the metrics, beside the records.
enum class Notice : std::uint8_t {
  h2_connection,  // of a client
  h2_stream,      // that a client opened
  // Streams that were not taken, and that have no record: the client knows it, and may send the same again.
  h2_stream_behind_goaway,
  h2_stream_over_limit,  // `limits.h2_streams`
  h2_flood,              // a connection was ended with ENHANCE_YOUR_CALM
  h2_malformed,          // a stream or connection broke RFC 9113
};

// None of these calls back into the session. Octets are taken (copied or encrypted) before `send` returns.
class Effects {
 public:
  virtual ~Effects() = default;

  virtual void send(Side side, Bytes bytes) = 0;

  // What was sent towards that side leaves now, as far as its socket takes it, and not only after the event. Answers
  // the time then.
  virtual TimePoint flush(Side side) = 0;

  // Stops and resumes reading from a side.
  virtual void hold(Side side) = 0;
  virtual void resume(Side side) = 0;

  // From here on what the client sends is TLS; its plaintext comes as `received`. Again inside an opened one: TLS in
  // TLS.
  virtual void open_tls(const TlsPlan& plan) = 0;

  // Makes sure that the target can be reached: an idle connection is pooled, or TCP is dialled (TLS is not begun).
  // True: it is so already; else `reached` or `connect_failed` follows.
  virtual bool reach(const UpstreamTarget& target) = 0;
  // A hint: the target will be wanted. Begins TLS over what `reach` dialled, beside the client's handshake. No event
  // follows.
  virtual void prepare(const UpstreamTarget& target) = 0;
  // A connection to carry one exchange, pooled or fresh. Facts: it is there; else `leased` or `connect_failed` follows.
  virtual std::optional<calls::UpstreamFacts> lease(const UpstreamTarget& target) = 0;
  // The same for opaque octets: fresh, or what `reach` dialled; never TLS, never pooled.
  virtual std::optional<calls::UpstreamFacts> lease_tunnel(const UpstreamTarget& target) = 0;
  // The leased connection is clean: another exchange may have it.
  virtual void give_back() = 0;
  // The upstream connection, leased or on its way, is of no more use; it is closed at once, what is queued is lost.
  virtual void drop_upstream() = 0;
  // It is closed once what is queued has been delivered.
  virtual void finish_upstream() = 0;

  // No more octets follow towards that side; those of the other direction still may (half-close).
  virtual void end_writing(Side side) = 0;
  // The client's connection ends once everything is delivered: cleanly (close_notify, FIN), or so that no reader takes
  // it for an end (reset, no close_notify). The session is over; nothing may be asked after it.
  virtual void finish_client() = 0;
  virtual void break_client() = 0;

  // Opens TLS to the target at once, offering these protocols, over what `reach` dialled if it did; `negotiated` or
  // `connect_failed` follows. If h2 is agreed on, the connection is that leg; else it is pooled for a `lease`.
  virtual void negotiate(const UpstreamTarget& target, const std::vector<std::string>& alpn, LegId leg) = 0;
  // A connection for HTTP/2: by ALPN, or with prior knowledge where there is no TLS. `leg_opened` or `leg_failed`
  // follows.
  virtual void open_leg(LegId leg, const UpstreamTarget& target) = 0;
  virtual void send_leg(LegId leg, Bytes bytes) = 0;
  virtual void hold_leg(LegId leg) = 0;
  virtual void resume_leg(LegId leg) = 0;
  virtual void drop_leg(LegId leg) = 0;    // at once; also where it is not there yet, or being negotiated
  virtual void finish_leg(LegId leg) = 0;  // once what is queued has been delivered

  // All connections together hold more than they should (`limits.buffered_bytes`): nothing new is begun, and what is
  // under way goes on in small steps.
  virtual bool crowded() = 0;

  virtual void noticed(Notice what) = 0;

  // A receipt for the record that is begun. `recorded` follows, once for each of them, in a later event.
  virtual AwaitedRecord await_record() = 0;

  // Credentials are checked, which takes a while; `from` as UsersFile has it. `judged` follows, in a later event.
  virtual void judge(QuestionNumber question, std::shared_ptr<const config::UsersFile> users, Bytes credentials,
                     const std::string& from) = 0;

  // `timed_out` comes at `deadline`, unless another is armed or it is disarmed before.
  virtual void arm(TimePoint deadline) = 0;
  virtual void disarm() = 0;
};

}  // namespace borehole::proxy
