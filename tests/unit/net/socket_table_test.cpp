#include "net/socket_table.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_fixture.h"

using namespace borehole;
using namespace borehole::net;
using borehole::net::test::loopback;
using borehole::net::test::Pair;
using borehole::net::test::TestLoop;

TEST_CASE("the other end of a connection of this machine is its user's") {
  TestLoop test;
  const Pair pair(test);
  CHECK(user_at(pair.far->remote_address(), pair.far->local_address()) == geteuid());
  CHECK(user_at(pair.near->remote_address(), pair.near->local_address()) == geteuid());
}

TEST_CASE("what is no connection of this machine is nobody's that is known") {
  TestLoop test;
  const Pair pair(test);
  CHECK_FALSE(user_at(*Address::parse("192.0.2.1", pair.far->remote_address().port()), pair.far->local_address()));
  CHECK_FALSE(user_at(pair.far->remote_address(), loopback(1)));
}

TEST_CASE("a client that speaks IPv4 through an IPv6 socket is known too") {
  TestLoop test;
  std::unique_ptr<TcpSocket> far;
  auto listener = Listener::open(test.loop, loopback(), false, [&](std::unique_ptr<TcpSocket> socket) {
    far = std::move(socket);
    test.stop();
  });
  REQUIRE(listener);
  const int client = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(client >= 0);
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons((*listener)->address().port());
  REQUIRE(inet_pton(AF_INET6, "::ffff:127.0.0.1", &to.sin6_addr) == 1);
  REQUIRE(::connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  REQUIRE(test.run());
  CHECK(user_at(far->remote_address(), far->local_address()) == geteuid());
  ::close(client);
}

TEST_CASE("listening sockets are listed by their port") {
  TestLoop test;
  auto listener = Listener::open(test.loop, loopback(), false, [](std::unique_ptr<TcpSocket>) {});
  REQUIRE(listener);
  int found = 0;
  each_listed_socket((*listener)->address().port(), [&](const ListedSocket& socket) {
    if (socket.listening && socket.local == (*listener)->address()) ++found;
  });
  CHECK(found == 1);
}
