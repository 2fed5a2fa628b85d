#include "server/redirection.h"

#include "catch.h"

using namespace borehole;
using namespace borehole::server;

namespace {

net::Address at(const char* ip, std::uint16_t port) { return *net::Address::parse(ip, port); }

}  // namespace

TEST_CASE("a connection was meant for another host where it was going to another address") {
  net::OwnAddresses own;
  const TimePoint now{std::chrono::hours(1)};
  const net::Address local = at("127.0.0.1", 5380);
  const auto meant = [&](const std::optional<net::Address>& original, const net::Address& accepted) {
    return meant_for(original, accepted, own, now);
  };
  CHECK(meant(at("198.51.100.7", 443), local) == at("198.51.100.7", 443));
  CHECK(meant(at("2001:db8::7", 8443), at("::1", 5380)) == at("2001:db8::7", 8443));
  SECTION("not where the system tells nothing, or that it was going here") {
    CHECK_FALSE(meant(std::nullopt, local));
    CHECK_FALSE(meant(local, local));
  }
  SECTION("not where a port of this machine was forwarded") { CHECK_FALSE(meant(at("127.0.0.1", 443), local)); }
  SECTION("not where another address stands for this port; the ports of HTTP are everybody's") {
    CHECK_FALSE(meant(at("198.51.100.7", 5380), local));
    CHECK(meant(at("198.51.100.7", 443), at("192.0.2.1", 443)));
    CHECK(meant(at("198.51.100.7", 80), at("192.0.2.1", 80)));
  }
}
