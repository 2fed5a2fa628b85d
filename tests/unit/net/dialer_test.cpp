#include "net/dialer.h"

#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <optional>

#include "net_fixture.h"

using namespace borehole;
using namespace borehole::net;
using borehole::net::test::loopback;
using borehole::net::test::TestLoop;
using std::chrono::milliseconds;

namespace {

using Outcome = Result<std::unique_ptr<TcpSocket>>;

LookUp names(std::vector<std::string> ips) {
  return [ips](const std::string&) -> Result<std::vector<Address>> {
    std::vector<Address> out;
    for (const std::string& ip : ips) out.push_back(*Address::parse(ip, 0));
    return out;
  };
}

DialTarget target(std::uint16_t port) {
  DialTarget out;
  out.host = "bedrock.test";
  out.port = port;
  return out;
}

Outcome dial(TestLoop& test, LookUp look_up, const DialTarget& where, const DialOptions& options) {
  Resolver resolver(std::move(look_up), {});
  ResolverClient client(resolver, test.loop);
  std::optional<Outcome> out;
  int calls = 0;
  Dial one(test.loop, client, where, options, [&](Outcome outcome) {
    ++calls;
    out = std::move(outcome);
    test.stop();
  });
  CHECK(calls == 0);
  REQUIRE(test.run());
  CHECK(calls == 1);
  return std::move(*out);
}

// Accepts on one loopback address.
struct Open {
  Open(TestLoop& test, const std::string& ip, std::uint16_t port = 0) {
    auto opened =
        Listener::open(test.loop, *Address::parse(ip, port), false, [this](std::unique_ptr<TcpSocket> socket) {
          ++accepted;
          last = std::move(socket);
        });
    REQUIRE(opened);
    listener = std::move(opened).value();
  }
  std::uint16_t port() const { return listener->address().port(); }
  std::unique_ptr<Listener> listener;
  std::unique_ptr<TcpSocket> last;
  int accepted = 0;
};

// Hangs who connects: it listens, its backlog is full, and nobody accepts.
struct Hanging {
  Hanging(const std::string& ip, std::uint16_t port) : address(*Address::parse(ip, port)) {
    listening = ::socket(address.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    REQUIRE(::bind(listening, address.data(), address.size()) == 0);
    REQUIRE(::listen(listening, 0) == 0);
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(listening, reinterpret_cast<sockaddr*>(&bound), &size);
    address = *Address::from(reinterpret_cast<const sockaddr*>(&bound));
    for (int& filler : fillers) {
      filler = ::socket(address.data()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      ::connect(filler, address.data(), address.size());
    }
  }
  ~Hanging() {
    for (const int filler : fillers) ::close(filler);
    ::close(listening);
  }
  Address address;
  int listening = -1;
  int fillers[3] = {-1, -1, -1};
};

}  // namespace

TEST_CASE("the address is dialled at the target's port") {
  TestLoop test;
  Open open(test, "127.0.0.1");
  const auto socket = dial(test, names({"127.0.0.1"}), target(open.port()), {});
  REQUIRE(socket);
  CHECK((*socket)->remote_address() == open.listener->address());
  CHECK((*socket)->local_address().port() != 0);
}

TEST_CASE("a refused address is followed by the next at once") {
  TestLoop test;
  Open open(test, "127.0.0.3");
  DialOptions options;
  options.attempt_delay = std::chrono::hours(1);
  options.timeout = std::chrono::hours(1);
  const auto socket = dial(test, names({"127.0.0.1", "127.0.0.2", "127.0.0.3"}), target(open.port()), options);
  REQUIRE(socket);
  CHECK((*socket)->remote_address().ip() == "127.0.0.3");
}

TEST_CASE("IPv6 that hangs gives way to IPv4 after the delay") {
  TestLoop test;
  Open open(test, "127.0.0.1");
  Hanging hanging("::1", open.port());
  DialOptions options;
  options.attempt_delay = milliseconds(30);
  const auto begin = test.loop.now();
  // interleaved: the second attempt is IPv4, though a second IPv6 address comes before it
  const auto socket = dial(test, names({"::1", "::ffff:127.0.0.9", "127.0.0.1"}), target(open.port()), options);
  const auto took = test.loop.now() - begin;
  REQUIRE(socket);
  CHECK((*socket)->remote_address().to_string() == open.listener->address().to_string());
  CHECK(took >= milliseconds(30));
  CHECK(took < std::chrono::seconds(5));
}

TEST_CASE("a first attempt that wins in time is the only one") {
  TestLoop test;
  Open six(test, "::1");
  Open four(test, "127.0.0.1", six.port());
  const auto socket = dial(test, names({"::1", "127.0.0.1"}), target(six.port()), {});
  REQUIRE(socket);
  CHECK((*socket)->remote_address().is_v6());
  CHECK(four.accepted == 0);
}

TEST_CASE("all refused: connect_failed names the host, the addresses and the cause") {
  TestLoop test;
  std::uint16_t port = 0;
  {
    Open closed(test, "127.0.0.1");
    port = closed.port();
  }
  const auto socket = dial(test, names({"127.0.0.1", "127.0.0.2"}), target(port), {});
  REQUIRE_FALSE(socket);
  CHECK(socket.error().code == ErrorCode::connect_failed);
  CHECK(socket.error().fault == Fault::upstream);
  const std::string at = std::to_string(port);
  CHECK(socket.error().detail == "cannot connect to bedrock.test:" + at + ": 127.0.0.1:" + at +
                                     " (connection refused); 127.0.0.2:" + at + " (connection refused)");
}

TEST_CASE("nobody answers: connect_timeout") {
  TestLoop test;
  Hanging hanging("127.0.0.1", 0);
  DialOptions options;
  options.timeout = milliseconds(40);
  const auto socket = dial(test, names({"127.0.0.1"}), target(hanging.address.port()), options);
  REQUIRE_FALSE(socket);
  CHECK(socket.error().code == ErrorCode::connect_timeout);
  CHECK(socket.error().fault == Fault::upstream);
  CHECK(socket.error().detail.find("bedrock.test") != std::string::npos);
  CHECK(socket.error().detail.find("within 0.04 s") != std::string::npos);
  CHECK(socket.error().detail.find("127.0.0.1") != std::string::npos);
}

TEST_CASE("a name that takes too long is a connect_timeout too") {
  TestLoop test;
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
  };
  const auto gate = std::make_shared<Gate>();
  DialOptions options;
  options.timeout = milliseconds(10);
  const auto socket = dial(
      test,
      [gate](const std::string&) -> Result<std::vector<Address>> {
        std::unique_lock lock(gate->mutex);
        gate->changed.wait(lock, [&] { return gate->open; });
        return std::vector<Address>{};
      },
      target(443), options);
  REQUIRE_FALSE(socket);
  CHECK(socket.error().code == ErrorCode::connect_timeout);
  CHECK(socket.error().detail.find("was not resolved") != std::string::npos);
  const std::lock_guard lock(gate->mutex);
  gate->open = true;
  gate->changed.notify_all();
}

TEST_CASE("a name without answer is dns_failed") {
  TestLoop test;
  const auto missing = dial(test,
                            [](const std::string&) -> Result<std::vector<Address>> {
                              return unexpected(Error{ErrorCode::dns_failed, Fault::upstream, "no such name"});
                            },
                            target(443), {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::dns_failed);
  const auto empty = dial(test, names({}), target(443), {});
  REQUIRE_FALSE(empty);
  CHECK(empty.error().code == ErrorCode::dns_failed);
}

TEST_CASE("the rule sees the resolved address with its port, and what it refuses is not dialled") {
  TestLoop test;
  Open forbidden(test, "127.0.0.1");
  Open allowed(test, "127.0.0.2", forbidden.port());
  DialOptions options;
  std::vector<std::string> seen;
  options.rule = [&](const Address& address) {
    seen.push_back(address.to_string());
    return address.ip() == "127.0.0.1" ? std::string("loopback is not for you") : std::string();
  };
  const std::string port = std::to_string(forbidden.port());
  SECTION("another address is left") {
    const auto socket = dial(test, names({"127.0.0.1", "127.0.0.2"}), target(forbidden.port()), options);
    REQUIRE(socket);
    CHECK((*socket)->remote_address().ip() == "127.0.0.2");
    CHECK(seen == std::vector<std::string>{"127.0.0.1:" + port, "127.0.0.2:" + port});
  }
  SECTION("none is left") {
    const auto socket = dial(test, names({"127.0.0.1"}), target(forbidden.port()), options);
    REQUIRE_FALSE(socket);
    CHECK(socket.error().code == ErrorCode::address_not_allowed);
    CHECK(socket.error().fault == Fault::client);
    CHECK(socket.error().detail == "loopback is not for you");
  }
  SECTION("a literal is under the rule too") {
    DialTarget literal = target(forbidden.port());
    literal.host = "127.0.0.1";
    CHECK(dial(test, names({}), literal, options).error().code == ErrorCode::address_not_allowed);
  }
  CHECK(forbidden.accepted == 0);
}

TEST_CASE("a name that resolves differently the second time is judged anew") {
  TestLoop test;
  Open allowed(test, "127.0.0.2");
  Open forbidden(test, "127.0.0.1", allowed.port());
  DialOptions options;
  options.rule = [&](const Address& address) {
    return address.ip() == "127.0.0.1" ? std::string("loopback is not for you") : std::string();
  };
  CHECK(dial(test, names({"127.0.0.2"}), target(allowed.port()), options));
  const auto rebound = dial(test, names({"127.0.0.1"}), target(allowed.port()), options);
  REQUIRE_FALSE(rebound);
  CHECK(rebound.error().code == ErrorCode::address_not_allowed);
  CHECK(forbidden.accepted == 0);
}

TEST_CASE("a fixed address is dialled without a look-up and without the rule") {
  TestLoop test;
  Open open(test, "127.0.0.1");
  DialOptions options;
  options.rule = [](const Address&) { return std::string("never"); };
  DialTarget fixed = target(443);
  fixed.fixed = open.listener->address();
  int asked = 0;
  const auto socket = dial(
      test,
      [&](const std::string&) -> Result<std::vector<Address>> {
        ++asked;
        return std::vector<Address>{};
      },
      fixed, options);
  REQUIRE(socket);
  CHECK((*socket)->remote_address() == open.listener->address());
  CHECK(asked == 0);
}

TEST_CASE("a dial may be destroyed inside its answer, and before it") {
  TestLoop test;
  Open open(test, "127.0.0.1");
  Hanging hanging("127.0.0.2", 0);
  Resolver resolver(names({"127.0.0.1"}), {});
  ResolverClient client(resolver, test.loop);
  std::unique_ptr<Dial> inside;
  std::unique_ptr<TcpSocket> socket;
  int others = 0;
  DialTarget hangs = target(1);
  hangs.fixed = hanging.address;
  auto while_resolving =
      std::make_unique<Dial>(test.loop, client, target(1), DialOptions{}, [&](Outcome) { ++others; });
  auto while_connecting = std::make_unique<Dial>(test.loop, client, hangs, DialOptions{}, [&](Outcome) { ++others; });
  while_resolving.reset();
  inside = std::make_unique<Dial>(test.loop, client, target(open.port()), DialOptions{}, [&](Outcome outcome) {
    socket = std::move(outcome).value();
    while_connecting.reset();
    inside.reset();
    test.stop();
  });
  REQUIRE(test.run());
  CHECK(socket);
  CHECK(others == 0);
}
