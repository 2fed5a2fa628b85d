#include "net/socket_owner.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "net/owner_search.h"
#include "net_fixture.h"

using namespace borehole;
using namespace borehole::net;
using borehole::net::test::loopback;
using borehole::net::test::Pair;
using borehole::net::test::TestLoop;

namespace {

constexpr auto patience = std::chrono::seconds(20);

// A process that is connected to `to` as long as this lives.
class Client {
 public:
  explicit Client(const Address& to, bool mapped = false) {
    int ready[2] = {-1, -1};
    REQUIRE(pipe(ready) == 0);
    REQUIRE(pipe(end_) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(end_[1]);
      const char done = connected(to, mapped) ? 'y' : 'n';
      (void)!write(ready[1], &done, 1);
      char ended = 0;
      (void)!read(end_[0], &ended, 1);
      _exit(0);
    }
    close(end_[0]);
    close(ready[1]);
    char done = 0;
    REQUIRE(read(ready[0], &done, 1) == 1);
    close(ready[0]);
    REQUIRE(done == 'y');
  }
  ~Client() {
    close(end_[1]);
    waitpid(pid_, nullptr, 0);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  pid_t pid() const { return pid_; }

 private:
  static bool connected(const Address& to, bool mapped) {
    if (!mapped) return connect(::socket(AF_INET, SOCK_STREAM, 0), to.data(), to.size()) == 0;
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(to.port());
    return inet_pton(AF_INET6, "::ffff:127.0.0.1", &v6.sin6_addr) == 1 &&
           connect(::socket(AF_INET6, SOCK_STREAM, 0), reinterpret_cast<const sockaddr*>(&v6), sizeof v6) == 0;
  }
  pid_t pid_ = -1;
  int end_[2] = {-1, -1};
};

// Accepts connections one by one.
struct Door {
  TestLoop test;
  std::unique_ptr<TcpSocket> accepted;
  std::unique_ptr<Listener> listener = open();

  std::unique_ptr<Listener> open() {
    auto opened = Listener::open(test.loop, loopback(), false, [this](std::unique_ptr<TcpSocket> socket) {
      accepted = std::move(socket);
      test.stop();
    });
    REQUIRE(opened);
    return *std::move(opened);
  }
  ConnectionEnds next() {
    REQUIRE(test.run());
    ConnectionEnds ends{accepted->remote_address(), accepted->local_address()};
    kept.push_back(std::move(accepted));
    return ends;
  }
  std::vector<std::unique_ptr<TcpSocket>> kept;
};

}  // namespace

TEST_CASE("the process at the other end is found, also through an IPv6 socket") {
  Door door;
  for (const bool mapped : {false, true}) {
    CAPTURE(mapped);
    const Client client(door.listener->address(), mapped);
    const ConnectionEnds ends = door.next();
    CHECK(from_this_machine(ends));
    SocketOwners owners;
    const auto found = owners.find({ends}, patience);
    REQUIRE(found.size() == 1);
    REQUIRE(found[0].has_value());
    CHECK(found[0]->pid == client.pid());
    CHECK(found[0]->name == "test_net");
  }
}

TEST_CASE("many are found in one look, each its own; who is gone is not known") {
  Door door;
  SocketOwners owners;
  const Client one(door.listener->address());
  const ConnectionEnds of_one = door.next();
  ConnectionEnds of_gone = of_one;
  {
    const Client gone(door.listener->address());
    of_gone = door.next();
  }
  const Client other(door.listener->address());
  const ConnectionEnds of_other = door.next();
  for (int round = 0; round < 2; ++round) {  // the second time from what it remembers
    const auto found = owners.find({of_other, of_gone, of_one}, patience);
    REQUIRE(found.size() == 3);
    REQUIRE((found[0].has_value() && found[2].has_value()));
    CHECK(found[0]->pid == other.pid());
    CHECK_FALSE(found[1].has_value());
    CHECK(found[2]->pid == one.pid());
  }
}

TEST_CASE("connections of other machines are nobody's") {
  const ConnectionEnds far{*Address::parse("192.0.2.1", 4711), *Address::parse("192.0.2.2", 5380)};
  CHECK_FALSE(from_this_machine(far));
  CHECK(from_this_machine({*Address::parse("192.0.2.2", 4711), *Address::parse("192.0.2.2", 5380)}));
  CHECK(from_this_machine({*Address::parse("::1", 4711), *Address::parse("::1", 5380)}));
  SocketOwners owners;
  CHECK_FALSE(owners.find({far}, patience)[0].has_value());
  CHECK(owners.find({}, patience).empty());
}

TEST_CASE("the search answers every question once, also those that it does not get to") {
  Door door;
  const Client client(door.listener->address());
  const ConnectionEnds ends = door.next();
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t answered = 0, known = 0;
  const auto answer = [&](const std::optional<SocketOwner>& owner) {
    const std::lock_guard lock(mutex);
    ++answered;
    if (owner && owner->pid == client.pid()) ++known;
    changed.notify_all();
  };
  constexpr std::size_t asked = 3 * OwnerSearch::most_waiting;
  {
    OwnerSearch search;
    for (std::size_t i = 0; i < asked; ++i) search.find(ends, answer);
    std::unique_lock lock(mutex);
    CHECK(changed.wait_for(lock, patience, [&] { return known > 0; }));
  }
  CHECK(answered == asked);
}
