#include "server/address_limits.h"

#include "catch.h"

using namespace borehole;
using server::AddressLimits;
using Verdict = AddressLimits::Verdict;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint start{std::chrono::hours(1)};

net::Address address(const std::string& ip) { return net::Address::parse(ip, 1234).value(); }
std::string at(const std::string& ip) { return address(ip).holder(); }

}  // namespace

TEST_CASE("an address has so many connections at a time, and others have their own") {
  AddressLimits limits;
  const AddressLimits::Limits two{2, 0};
  CHECK(limits.came(at("192.0.2.1"), two, start) == Verdict::welcome);
  CHECK(limits.came(at("192.0.2.1"), two, start) == Verdict::welcome);
  CHECK(limits.came(at("192.0.2.1"), two, start) == Verdict::too_many);
  CHECK(limits.came(at("192.0.2.2"), two, start) == Verdict::welcome);
  limits.went(at("192.0.2.1"));  // one that was served: the refused one is open still
  CHECK(limits.came(at("192.0.2.1"), two, start) == Verdict::too_many);
  for (int i = 0; i < 3; ++i) limits.went(at("192.0.2.1"));
  CHECK(limits.came(at("192.0.2.1"), two, start) == Verdict::welcome);
}

TEST_CASE("an address opens so many connections a second") {
  AddressLimits limits;
  const AddressLimits::Limits three{0, 3};
  for (int i = 0; i < 3; ++i) CHECK(limits.came(at("192.0.2.1"), three, start) == Verdict::welcome);
  CHECK(limits.came(at("192.0.2.1"), three, start) == Verdict::too_fast);
  CHECK(limits.came(at("192.0.2.2"), three, start) == Verdict::welcome);
  CHECK(limits.came(at("192.0.2.1"), three, start + 334ms) == Verdict::welcome);
  CHECK(limits.came(at("192.0.2.1"), three, start + 334ms) == Verdict::too_fast);
}

TEST_CASE("a /64 of IPv6 is one holder, and an IPv4-mapped address the IPv4 one") {
  AddressLimits limits;
  const AddressLimits::Limits one{1, 0};
  CHECK(limits.came(at("2001:db8:1:2::1"), one, start) == Verdict::welcome);
  CHECK(limits.came(at("2001:db8:1:2:ffff::9"), one, start) == Verdict::too_many);
  CHECK(limits.came(at("2001:db8:1:3::1"), one, start) == Verdict::welcome);
  CHECK(limits.came(at("192.0.2.1"), one, start) == Verdict::welcome);
  CHECK(limits.came(at("::ffff:192.0.2.1"), one, start) == Verdict::too_many);
}

TEST_CASE("without keys other machines have limits and this one has none; with them all have") {
  config::Config config;
  CHECK(AddressLimits::limits_for(address("192.0.2.1"), config).connections == 2000);
  CHECK(AddressLimits::limits_for(address("10.0.0.1"), config).per_second == 200);
  CHECK(AddressLimits::limits_for(address("127.0.0.1"), config).connections == 0);
  CHECK(AddressLimits::limits_for(address("::1"), config).per_second == 0);
  config.limits.connections_per_address = 5;
  config.limits.connections_per_second = 0;
  CHECK(AddressLimits::limits_for(address("127.0.0.1"), config).connections == 5);
  CHECK(AddressLimits::limits_for(address("192.0.2.1"), config).connections == 5);
  CHECK(AddressLimits::limits_for(address("192.0.2.1"), config).per_second == 0);
}
