// Where one exchange is looked at while it passes: const views in, nothing back. Cannot change, delay or fail a
// forwarded octet.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "calls/call_record.h"
#include "calls/client_process.h"
#include "calls/receipt.h"
#include "http/head.h"

namespace borehole::calls {

// What is known of an exchange when its request head has come.
struct ExchangeStart {
  WayIn way_in = WayIn::connect;
  std::string router;
  std::string client_address;
  std::string upstream_host;  // the host that the call is for
  std::uint16_t upstream_port = 0;
  std::shared_ptr<const AwaitedProcess> client_process;  // null: it cannot be known
  std::shared_ptr<Receipt> receipt = {};                 // of its record; null: nobody waits for that
  std::string protocol = {};                             // that an extended CONNECT asks for (RFC 8441): "websocket"
};

// The upstream connection that carries the exchange.
struct UpstreamFacts {
  std::string address;  // "192.0.2.7:443"
  bool reused = false;
  std::string tls_version, alpn;         // empty without TLS
  std::optional<Duration> connect, tls;  // what it took to open; absent when reused or opened ahead
};

// One per exchange, on the worker's thread. Views are valid during the call only. Order: on_request_head
// first (not at all where no head could be read), then the rest, on_finished once, last. A tap that is destroyed
// without on_finished leaves no record: a CONNECT that succeeded, since what is inside is recorded.
class Tap {
 public:
  virtual ~Tap() = default;
  // The record's id, for an answer that names it; empty: there will be none.
  virtual std::string_view id() const noexcept { return {}; }
  virtual void on_request_head(const http::RequestHead& received, TimePoint now) noexcept = 0;
  virtual void on_upstream(const UpstreamFacts& facts, TimePoint now) noexcept = 0;
  // The head as it was sent upstream: for `signature_intact`.
  virtual void on_sent_head(Bytes sent, TimePoint now) noexcept = 0;
  virtual void on_request_body(Bytes content, TimePoint now) noexcept = 0;  // payload, without chunk framing
  virtual void on_request_complete(TimePoint now) noexcept = 0;
  // The head, and what of the body came with it, has left for the upstream. `held`: how long borehole had it since its
  // last octet could be read, without waiting for a connection. Twice where one had to be waited for: before and after.
  virtual void on_request_passed(Duration held) noexcept = 0;
  virtual void on_response_head(const http::ResponseHead& head, TimePoint now) noexcept = 0;  // also each 1xx
  virtual void on_response_body(Bytes content, TimePoint now) noexcept = 0;
  // The final head, and what came with it, has left for the client: at `left`, `held` after it could be read. Once.
  virtual void on_response_passed(Duration held, TimePoint left) noexcept = 0;
  virtual void on_note(std::string note) noexcept = 0;  // what was done or seen beyond the rule
  // `error` is null for Outcome::complete. For Outcome::refused `status` is what the client was answered (0: nothing).
  virtual void on_finished(Outcome outcome, const Error* error, int status, TimePoint now) noexcept = 0;
};

// Makes a tap for each exchange. Per worker.
class TapSource {
 public:
  virtual ~TapSource() = default;
  virtual std::unique_ptr<Tap> begin(const ExchangeStart& start, TimePoint now) noexcept = 0;
};

}  // namespace borehole::calls
