// What the net tests share: a loop that gives up, an observer of lambdas, two ends of a loopback connection.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "catch.h"
#include "net/dialer.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/tcp_socket.h"

namespace borehole::net::test {

// The guard only bounds a failure; no test waits for it.
class TestLoop {
 public:
  TestLoop() : guard_(loop, [this] { give_up(); }) {}
  // Until stop() is called; false: that did not happen.
  bool run() {
    gave_up_ = false;
    stopped_ = false;
    guard_.start(std::chrono::seconds(20));
    loop.run();
    guard_.stop();
    return stopped_ && !gave_up_;
  }
  void stop() {
    stopped_ = true;
    loop.stop();
  }

  Loop loop;

 private:
  void give_up() {
    gave_up_ = true;
    loop.stop();
  }
  Timer guard_;
  bool gave_up_ = false;
  bool stopped_ = false;
};

struct Observer final : TcpObserver {
  void on_received(Bytes bytes) noexcept override {
    text.append(bytes);
    if (received) received(bytes);
  }
  void on_ended() noexcept override {
    ++ends;
    if (ended) ended();
  }
  void on_broken(const Error& error) noexcept override {
    ++breaks;
    last_error = error;
    if (broken) broken();
  }
  void on_written() noexcept override {
    ++writes;
    if (written) written();
  }

  std::string text;
  int ends = 0;
  int breaks = 0;
  int writes = 0;
  Error last_error;
  std::function<void(Bytes)> received;
  std::function<void()> ended;
  std::function<void()> broken;
  std::function<void()> written;
};

inline Address loopback(std::uint16_t port = 0) { return *Address::parse("127.0.0.1", port); }

// Two ends of one connection, both on one loop: `near` dialled, `far` was accepted.
struct Pair {
  explicit Pair(TestLoop& on) : test(on) {
    Resolver resolver([](const std::string&) -> Result<std::vector<Address>> { return std::vector<Address>{}; }, {});
    ResolverClient client(resolver, test.loop);
    auto listener = Listener::open(test.loop, loopback(), false, [this](std::unique_ptr<TcpSocket> socket) {
      far = std::move(socket);
      if (near) test.stop();
    });
    REQUIRE(listener);
    DialTarget target;
    target.host = "far.test";
    target.fixed = (*listener)->address();
    Dial dial(test.loop, client, target, {}, [this](Result<std::unique_ptr<TcpSocket>> socket) {
      if (socket) near = std::move(socket).value();
      if (far || !near) test.stop();
    });
    REQUIRE(test.run());
    REQUIRE(near);
    near->observe(&near_seen);
    far->observe(&far_seen);
  }

  TestLoop& test;
  Observer near_seen;
  Observer far_seen;
  std::unique_ptr<TcpSocket> near;
  std::unique_ptr<TcpSocket> far;
};

// Not a single octet repeats at any small distance, so that a lost or doubled piece shows.
inline std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t state = 1;
  for (char& c : out) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24);
  }
  return out;
}

}  // namespace borehole::net::test
