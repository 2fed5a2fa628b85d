// What the server tests share: a condition to run the loop for, an upstream of lambdas with or without TLS, observers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../net/net_fixture.h"
#include "../tls/tls_fixture.h"
#include "server/acquisition.h"
#include "server/upstream_connection.h"

namespace borehole::server::test {

using net::test::loopback;
using net::test::TestLoop;

inline const std::string name = "bedrock-runtime.us-east-1.amazonaws.com";

// Runs the loop until the condition holds; false: it never did.
inline bool until(TestLoop& test, const std::function<bool()>& holds) {
  if (holds()) return true;
  net::Timer* again = nullptr;
  net::Timer look(test.loop, [&] {
    if (holds()) return test.stop();
    again->start(std::chrono::milliseconds(1));
  });
  again = &look;
  look.start(Duration::zero());
  return test.run();
}

// One accepted connection.
struct End final : net::TcpObserver {
  End(std::unique_ptr<net::TcpSocket> taken, std::unique_ptr<tls::Engine> with)
      : socket(std::move(taken)), engine(std::move(with)) {
    socket->observe(this);
    socket->set_reading(true);
  }
  void on_received(Bytes bytes) noexcept override {
    if (!engine) {
      text.append(bytes);
    } else {
      Buffer plaintext;
      const auto progress = engine->feed(bytes, plaintext, socket->out());
      text.append(plaintext.view());
      closed = closed || (progress && progress->closed);
      failed = failed || !progress;
      socket->flush();
    }
    if (heard) heard(*this);
  }
  void on_ended() noexcept override { ended = true; }
  void on_broken(const Error&) noexcept override { broken = true; }
  void on_written() noexcept override {}

  void say(Bytes bytes) {
    if (engine) {
      REQUIRE(engine->write(bytes, socket->out()));
    } else {
      socket->out().append(bytes);
    }
    socket->flush();
  }
  void say_close() {
    engine->close(socket->out());
    socket->flush();
  }

  std::unique_ptr<net::TcpSocket> socket;
  std::unique_ptr<tls::Engine> engine;
  std::string text;     // what came, decrypted
  bool closed = false;  // close_notify came
  bool failed = false;  // TLS did
  bool ended = false;
  bool broken = false;
  std::function<void(End&)> heard;
};

struct Watch final : AcquisitionObserver {
  void on_tcp_open() noexcept override { ++tcp_opens; }
  void on_ready(std::unique_ptr<UpstreamConnection> made) noexcept override {
    ++answers;
    connection = std::move(made);
  }
  void on_acquisition_failed(const Error& why) noexcept override {
    ++answers;
    error = why;
  }
  int tcp_opens = 0;
  int answers = 0;
  std::unique_ptr<UpstreamConnection> connection;
  std::optional<Error> error;
};

struct Seen final : UpstreamObserver {
  void on_upstream_received(Bytes bytes) noexcept override { text.append(bytes); }
  void on_upstream_ended() noexcept override { ++ends; }
  void on_upstream_broken(const Error& why) noexcept override {
    ++breaks;
    error = why;
  }
  void on_upstream_written() noexcept override {}
  std::string text;
  int ends = 0;
  int breaks = 0;
  Error error;
};

// A listener on loopback, and the world that dials it for every name.
struct Site {
  explicit Site(bool with_tls) : secured(with_tls) {
    auto opened = net::Listener::open(test.loop, loopback(), false, [this](std::unique_ptr<net::TcpSocket> socket) {
      ends.push_back(std::make_unique<End>(std::move(socket), secured ? server_tls.accept({leaf_name}) : nullptr));
      ends.back()->heard = heard;
    });
    REQUIRE(opened);
    listener = *std::move(opened);
    world.resolve_rule = [this](const std::string&, std::uint16_t) { return std::optional(listener->address()); };
  }

  proxy::UpstreamTarget target(bool with_tls) const { return {name, 443, with_tls, with_tls ? name : "", false}; }

  // Waits for the acquisition's one answer.
  Watch acquire(const proxy::UpstreamTarget& wanted) {
    Watch watch;
    {
      Acquisition acquisition(world, wanted, true, watch);
      CHECK(watch.answers == 0);
      REQUIRE(until(test, [&] { return watch.answers > 0; }));
    }
    CHECK(watch.answers == 1);
    CHECK(watch.tcp_opens == 0);
    return watch;
  }

  std::unique_ptr<UpstreamConnection> connect() {
    Watch watch = acquire(target(secured));
    REQUIRE(watch.connection);
    // With TLS 1.3 the client is done before its last flight has arrived.
    REQUIRE(until(test, [&] { return !ends.empty() && (!secured || ends.back()->engine->established()); }));
    return std::move(watch.connection);
  }
  End& end() { return *ends.back(); }

  bool secured;
  std::string leaf_name = name;
  TestLoop test;
  fixture::Authority authority;
  tls::ServerContext server_tls{*authority.leaves};
  tls::ClientContext client_tls{authority.trust()};
  net::Resolver resolver{
      [](const std::string&) -> Result<std::vector<net::Address>> { return std::vector<net::Address>{}; }, {}};
  net::ResolverClient resolver_client{resolver, test.loop};
  WorkerCounters counters;
  UpstreamWorld world{test.loop, resolver_client, client_tls, counters, std::chrono::seconds(20), {}, {}, {}, {}};
  std::function<void(End&)> heard;
  std::vector<std::unique_ptr<End>> ends;
  std::unique_ptr<net::Listener> listener;
};

}  // namespace borehole::server::test
