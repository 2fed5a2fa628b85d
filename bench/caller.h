// One TLS connection of the bench's client: sends one request again and again, reads answers, says how each went. Never
// retries.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "http/message_reader.h"
#include "measures.h"
#include "tls_channel.h"

namespace borehole::bench {

// What every caller sends and expects.
struct Plan {
  std::string request;
  std::string method;
  std::uint64_t body_octets = 0;  // of every answer; counts for nothing where `events` is set
  bool events = false;            // answers are events with the moment of their sending (bench/event.h)
};

// What has been done since the last order.
struct Tally {
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::string first_failure;
  Durations waits;       // from the request to the end of its answer
  Durations handshakes;  // from the connection's opening to the end of its TLS handshake
  Durations delays;      // of events: from their sending to their coming

  void failure(const std::string& why) {
    if (failed++ == 0) first_failure = why;
  }
};

class Caller final : public ChannelObserver {
 public:
  // None may destroy it.
  struct Told {
    std::function<void(Caller&)> open;      // the handshake is done
    std::function<void(Caller&)> answered;  // well or not; another request may be sent
    std::function<void(Caller&)> over;      // nothing more comes
  };
  // `since`: when its connection began to be opened.
  Caller(const Plan& plan, Tally& tally, Told told, std::unique_ptr<net::TcpSocket> socket,
         std::unique_ptr<tls::Engine> engine, TimePoint since);
  virtual ~Caller() = default;

  // `connect_to`: the authority to ask a proxy for first; empty: TLS begins at once.
  void begin(const std::string& connect_to) { channel_.begin(connect_to); }
  void send() { send(plan_.request); }
  void send(const std::string& request);  // precondition: open, not busy
  bool busy() const noexcept { return busy_; }
  bool over() const noexcept { return over_; }
  const tls::Handshake& handshake() const noexcept { return channel_.handshake(); }

  void on_open() noexcept override;
  void on_room() noexcept override {}
  void on_plaintext(Bytes bytes) noexcept override;
  void on_over(const std::string& why) noexcept override { give_up(why); }

 private:
  void take(Bytes content);
  void answered();
  void give_up(const std::string& why);

  const Plan& plan_;
  Tally& tally_;
  Told told_;
  TimePoint since_;  // of what is under way: the opening, then each request
  http::MessageReader reader_{http::Role::response};
  TlsChannel channel_;
  std::string event_;  // as far as it has come
  std::uint64_t octets_ = 0;
  bool busy_ = false;
  bool over_ = false;
};

}  // namespace borehole::bench
