#include "net/own_dials.h"

#include <optional>

#include "catch.h"
#include "net/dialer.h"
#include "net/listener.h"
#include "net/own_addresses.h"
#include "net_fixture.h"

using namespace borehole;
using namespace borehole::net;
using namespace borehole::net::test;

namespace {

Address at(const char* ip, std::uint16_t port) { return *Address::parse(ip, port); }

}  // namespace

TEST_CASE("a connection is known by both of its ends, as long as it is there") {
  OwnDials dials;
  auto entry = dials.enter(at("192.0.2.1", 4711), at("198.51.100.7", 443));
  const auto other = dials.enter(at("192.0.2.1", 4711), at("2001:db8::7", 443));
  CHECK_FALSE(dials.came_back(OwnDials::ends(at("192.0.2.1", 4711), at("198.51.100.7", 444))));
  CHECK_FALSE(dials.came_back(OwnDials::ends(at("192.0.2.1", 4712), at("198.51.100.7", 443))));
  CHECK_FALSE(entry->came_back());
  CHECK(dials.came_back(OwnDials::ends(at("192.0.2.1", 4711), at("198.51.100.7", 443))));
  CHECK(entry->came_back());
  CHECK_FALSE(other->came_back());
  entry.reset();
  CHECK_FALSE(dials.came_back(OwnDials::ends(at("192.0.2.1", 4711), at("198.51.100.7", 443))));
}

TEST_CASE("ends that are used anew are the newer connection's") {
  OwnDials dials;
  auto old = dials.enter(at("::1", 1), at("::1", 2));
  const auto next = dials.enter(at("::1", 1), at("::1", 2));
  old.reset();
  CHECK(dials.came_back(OwnDials::ends(at("::1", 1), at("::1", 2))));
  CHECK(next->came_back());
}

TEST_CASE("a dial that a listener of the same process accepts is known there for what it is") {
  TestLoop test;
  OwnDials dials;
  std::unique_ptr<TcpSocket> accepted, dialled;
  const auto both = [&] {
    if (accepted && dialled) test.stop();
  };
  auto listener = Listener::open(test.loop, loopback(), false, [&](std::unique_ptr<TcpSocket> socket) {
    accepted = std::move(socket);
    both();
  });
  REQUIRE(listener);
  Resolver resolver(system_look_up(), {});
  ResolverClient names(resolver, test.loop);
  DialOptions options;
  options.own = GENERATE(true, false) ? &dials : nullptr;
  const bool known = options.own != nullptr;
  const Dial dial(test.loop, names, {"127.0.0.1", (*listener)->address().port(), {}}, std::move(options),
                  [&](Result<std::unique_ptr<TcpSocket>> socket) {
                    REQUIRE(socket);
                    dialled = *std::move(socket);
                    both();
                  });
  REQUIRE(test.run());
  // Nothing was changed on the way: either the system says so, or it says nothing.
  const auto original = accepted->original_destination();
  CHECK(original.value_or(accepted->local_address()) == accepted->local_address());
  CHECK(dials.came_back(OwnDials::ends(accepted->remote_address(), accepted->local_address())) == known);
  CHECK(dialled->came_back() == known);
}

TEST_CASE("this machine's addresses are known, loopback ones without a look") {
  OwnAddresses own;
  const TimePoint now{std::chrono::hours(1)};
  CHECK(own.contain(at("127.0.0.1", 1), now));
  CHECK(own.contain(at("127.9.8.7", 1), now));
  CHECK(own.contain(at("::1", 1), now));
  CHECK_FALSE(own.contain(at("198.51.100.7", 443), now));
  CHECK_FALSE(own.contain(at("2001:db8::7", 443), now + OwnAddresses::fresh));
}
