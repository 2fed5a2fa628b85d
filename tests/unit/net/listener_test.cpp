#include "net/listener.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "net_fixture.h"

using namespace borehole;
using namespace borehole::net;
using borehole::net::test::loopback;
using borehole::net::test::TestLoop;

namespace {

// A client that the kernel connects at once: the listener's backlog takes it before anybody accepts.
int connected(const Address& address) {
  const int client = ::socket(address.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(client >= 0);
  REQUIRE(::connect(client, address.data(), address.size()) == 0);
  return client;
}

}  // namespace

TEST_CASE("a listener accepts on the port that it was given, over IPv4 and IPv6") {
  const std::string ip = GENERATE(std::string("127.0.0.1"), std::string("::1"));
  TestLoop test;
  std::unique_ptr<TcpSocket> accepted;
  auto listener = Listener::open(test.loop, *Address::parse(ip, 0), false, [&](std::unique_ptr<TcpSocket> socket) {
    accepted = std::move(socket);
    test.stop();
  });
  REQUIRE(listener);
  CHECK((*listener)->address().port() != 0);
  const int client = connected((*listener)->address());
  REQUIRE(test.run());
  CHECK(accepted->local_address() == (*listener)->address());
  CHECK(accepted->remote_address().ip() == ip);
  ::close(client);
}

TEST_CASE("on every address, the accepted socket knows the one that was called") {
  TestLoop test;
  std::unique_ptr<TcpSocket> accepted;
  auto listener =
      Listener::open(test.loop, *Address::parse("0.0.0.0", 0), false, [&](std::unique_ptr<TcpSocket> socket) {
        accepted = std::move(socket);
        test.stop();
      });
  REQUIRE(listener);
  const int client = connected(*Address::parse("127.0.0.2", (*listener)->address().port()));
  REQUIRE(test.run());
  CHECK(accepted->local_address().ip() == "127.0.0.2");
  ::close(client);
}

TEST_CASE("two listeners share a port and between them accept everything") {
  TestLoop test;
  std::vector<std::unique_ptr<TcpSocket>> accepted;
  const auto accept = [&](std::unique_ptr<TcpSocket> socket) {
    accepted.push_back(std::move(socket));
    if (accepted.size() == 40) test.stop();
  };
  auto first = Listener::open(test.loop, loopback(), true, accept);
  REQUIRE(first);
  auto second = Listener::open(test.loop, (*first)->address(), true, accept);
  REQUIRE(second);
  std::vector<int> clients;
  for (int count = 0; count < 40; ++count) clients.push_back(connected((*first)->address()));
  REQUIRE(test.run());
  for (const int client : clients) ::close(client);
}

TEST_CASE("an address in use says by whom, also when the port could be shared") {
  const bool reuse_port = GENERATE(false, true);
  // The other listener is another process: this one, forked.
  int port_pipe[2];
  int end_pipe[2];
  REQUIRE(::pipe(port_pipe) == 0);
  REQUIRE(::pipe(end_pipe) == 0);
  const pid_t other = ::fork();
  REQUIRE(other >= 0);
  if (other == 0) {
    const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(listening, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    const Address any = loopback();
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    if (::bind(listening, any.data(), any.size()) != 0 || ::listen(listening, 1) != 0) _exit(1);
    ::getsockname(listening, reinterpret_cast<sockaddr*>(&bound), &size);
    ::close(end_pipe[1]);
    if (::write(port_pipe[1], &bound.sin_port, 2) != 2) _exit(1);
    char end = 0;
    _exit(::read(end_pipe[0], &end, 1) == 0 ? 0 : 1);
  }
  std::uint16_t port = 0;
  REQUIRE(::read(port_pipe[0], &port, 2) == 2);
  TestLoop test;
  const auto listener = Listener::open(test.loop, loopback(ntohs(port)), reuse_port, [](std::unique_ptr<TcpSocket>) {});
  REQUIRE_FALSE(listener);
  CHECK(listener.error().code == ErrorCode::io_failed);
  CAPTURE(listener.error().detail);
  CHECK(listener.error().detail.find("in use by") != std::string::npos);
  CHECK(listener.error().detail.find("(process " + std::to_string(other) + ")") != std::string::npos);
  CHECK(listener.error().detail.find(loopback(ntohs(port)).to_string()) != std::string::npos);
  for (const int end : {port_pipe[0], port_pipe[1], end_pipe[0], end_pipe[1]}) ::close(end);
  int status = 0;
  ::waitpid(other, &status, 0);
}

TEST_CASE("an address that this machine does not have is said to be so") {
  TestLoop test;
  const auto listener =
      Listener::open(test.loop, *Address::parse("192.0.2.1", 0), false, [](std::unique_ptr<TcpSocket>) {});
  REQUIRE_FALSE(listener);
  CHECK(listener.error().detail ==
        "cannot listen on 192.0.2.1:0: this machine has no such address; name one of its "
        "own, or 0.0.0.0 for all of them");
}

TEST_CASE("out of descriptors, connections are turned away and counted, and later ones are served") {
  TestLoop test;
  std::vector<std::unique_ptr<TcpSocket>> accepted;
  int expected = 0;
  int told = 0;
  auto listener = Listener::open(
      test.loop, loopback(), false,
      [&](std::unique_ptr<TcpSocket> socket) {
        accepted.push_back(std::move(socket));
        if (--expected == 0) test.stop();
      },
      [&](Listener::Lack) { ++told; });
  REQUIRE(listener);
  std::vector<int> clients;
  for (int count = 0; count < 8; ++count) clients.push_back(connected((*listener)->address()));
  rlimit usual{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &usual) == 0);
  Timer look(test.loop, [&] {
    if ((*listener)->refused_for_descriptors() == 8) {
      CHECK(told == 8);
      return test.stop();
    }
    look.start(std::chrono::milliseconds(1));
  });
  look.start(Duration::zero());
  // Every number below the limit is taken, so that accept(2) finds none.
  const int highest = ::dup(0);
  std::vector<int> filled{highest};
  rlimit tight = usual;
  tight.rlim_cur = static_cast<rlim_t>(highest) + 1;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  for (int extra = ::dup(0); extra >= 0; extra = ::dup(0)) filled.push_back(extra);
  const bool ran = test.run();
  ::setrlimit(RLIMIT_NOFILE, &usual);
  for (const int descriptor : filled) ::close(descriptor);
  REQUIRE(ran);
  CHECK(accepted.empty());
  for (const int client : clients) {
    char octet = 0;
    CHECK(::recv(client, &octet, 1, 0) == 0);  // closed, not left hanging
    ::close(client);
  }
  expected = 1;
  const int late = connected((*listener)->address());
  REQUIRE(test.run());
  CHECK(accepted.size() == 1);
  ::close(late);
}

TEST_CASE("while there is no room connections are turned away and counted, and later ones are served") {
  TestLoop test;
  std::vector<std::unique_ptr<TcpSocket>> accepted;
  int told = 0;
  bool room = false;
  auto listener = Listener::open(
      test.loop, loopback(), false,
      [&](std::unique_ptr<TcpSocket> socket) {
        accepted.push_back(std::move(socket));
        test.stop();
      },
      [&](Listener::Lack) {
        if (++told == 3) test.stop();
      },
      [&] { return room; });
  REQUIRE(listener);
  std::vector<int> clients;
  for (int count = 0; count < 3; ++count) clients.push_back(connected((*listener)->address()));
  REQUIRE(test.run());
  CHECK(accepted.empty());
  CHECK((*listener)->refused_for_descriptors() == 3);
  for (const int client : clients) {
    char octet = 0;
    CHECK(::recv(client, &octet, 1, 0) == 0);  // closed, not left hanging
    ::close(client);
  }
  room = true;
  const int late = connected((*listener)->address());
  REQUIRE(test.run());
  CHECK(accepted.size() == 1);
  ::close(late);
}

TEST_CASE("a listener may be destroyed inside its own call") {
  TestLoop test;
  std::unique_ptr<Listener> kept;
  int count = 0;
  auto listener = Listener::open(test.loop, loopback(), false, [&](std::unique_ptr<TcpSocket>) {
    ++count;
    kept.reset();
    test.stop();
  });
  REQUIRE(listener);
  kept = std::move(listener).value();
  const int one = connected(kept->address());
  const int two = connected(kept->address());
  REQUIRE(test.run());
  CHECK(count == 1);
  ::close(one);
  ::close(two);
}
