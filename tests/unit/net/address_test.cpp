#include "net/address.h"

#include <netinet/in.h>

#include "catch.h"

using borehole::net::Address;
using borehole::net::AddressKind;
using borehole::net::AddressRange;

namespace {

AddressKind kind(const char* ip) {
  const auto address = Address::parse(ip, 443);
  REQUIRE(address);
  return address->kind();
}

bool contains(const char* range, const char* ip) {
  CAPTURE(range, ip);
  const auto parsed = AddressRange::parse(range);
  REQUIRE(parsed);
  return parsed->contains(*Address::parse(ip, 1));
}

}  // namespace

TEST_CASE("only an IP literal is an address") {
  for (const char* text :
       {"", "localhost", "127.1", "1.2.3.256", "1.2.3.4.5", "[::1]", "::g", "0x7f000001", "1.2.3.4 "})
    CHECK_FALSE(Address::parse(text, 1));
  CHECK_FALSE(Address::parse(std::string("1.2.3.4\0x", 9), 1));
  CHECK(Address::parse("192.0.2.1", 443)->to_string() == "192.0.2.1:443");
  CHECK(Address::parse("2001:DB8::1", 443)->to_string() == "[2001:db8::1]:443");
  CHECK(Address::parse("2001:db8::1", 65535)->port() == 65535);
}

TEST_CASE("addresses are equal if family, octets and port are") {
  CHECK(*Address::parse("192.0.2.1", 1) == *Address::parse("192.0.2.1", 1));
  CHECK_FALSE(*Address::parse("192.0.2.1", 1) == *Address::parse("192.0.2.1", 2));
  CHECK_FALSE(*Address::parse("192.0.2.1", 1) == *Address::parse("192.0.2.2", 1));
  CHECK_FALSE(*Address::parse("192.0.2.1", 1) == *Address::parse("::ffff:192.0.2.1", 1));
}

TEST_CASE("an address survives the socket interface") {
  for (const char* ip : {"192.0.2.1", "2001:db8::5"}) {
    const auto address = *Address::parse(ip, 4711);
    CHECK(*Address::from(address.data()) == address);
    CHECK(address.size() == (address.is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in)));
  }
  sockaddr other{};
  other.sa_family = AF_UNIX;
  CHECK_FALSE(Address::from(&other));
  CHECK_FALSE(Address::from(nullptr));
}

TEST_CASE("IPv4 kinds, at both ends of their ranges") {
  for (const char* ip : {"0.0.0.0", "0.255.255.255"}) CHECK(kind(ip) == AddressKind::unspecified);
  for (const char* ip : {"127.0.0.0", "127.0.0.1", "127.255.255.255"}) CHECK(kind(ip) == AddressKind::loopback);
  for (const char* ip : {"169.254.0.0", "169.254.169.254", "169.254.255.255"})
    CHECK(kind(ip) == AddressKind::link_local);
  for (const char* ip : {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255",
                         "100.64.0.0", "100.127.255.255"})
    CHECK(kind(ip) == AddressKind::private_use);
  for (const char* ip : {"224.0.0.0", "239.255.255.255"}) CHECK(kind(ip) == AddressKind::multicast);
  for (const char* ip : {"240.0.0.0", "255.255.255.255"}) CHECK(kind(ip) == AddressKind::reserved);
  for (const char* ip : {"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
                         "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.1.1",
                         "192.169.0.0", "223.255.255.255"})
    CHECK(kind(ip) == AddressKind::global);
}

TEST_CASE("IPv6 kinds") {
  CHECK(kind("::") == AddressKind::unspecified);
  CHECK(kind("::1") == AddressKind::loopback);
  for (const char* ip : {"fe80::1", "febf:ffff::1"}) CHECK(kind(ip) == AddressKind::link_local);
  for (const char* ip : {"fd00:ec2::254", "fd00:ec2::23"}) CHECK(kind(ip) == AddressKind::metadata);
  for (const char* ip : {"fc00::1", "fdff::1", "fd00:ec2::253", "fd00:ec2::24", "fd00:ec2:1::254", "fec0::1"})
    CHECK(kind(ip) == AddressKind::private_use);
  for (const char* ip : {"ff00::1", "ff02::1"}) CHECK(kind(ip) == AddressKind::multicast);
  for (const char* ip : {"2600:1f00::1", "fe00::1", "64:ff9c::7f00:1", "2003:7f00:1::"})
    CHECK(kind(ip) == AddressKind::global);
}

TEST_CASE("an IPv4 address inside an IPv6 one decides") {
  for (const char* ip : {"::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::127.0.0.1",
                         "2002:7f00:1::", "2002:7f00:1:5::9", "::ffff:0:127.0.0.1"}) {
    CAPTURE(ip);
    CHECK(kind(ip) == AddressKind::loopback);
  }
  for (const char* ip : {"::ffff:169.254.169.254", "::a9fe:a9fe", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"}) {
    CAPTURE(ip);
    CHECK(kind(ip) == AddressKind::link_local);
  }
  for (const char* ip : {"::ffff:10.1.2.3", "2002:a01:203::"}) CHECK(kind(ip) == AddressKind::private_use);
  for (const char* ip : {"::2", "::ffff:0.0.0.0"}) CHECK(kind(ip) == AddressKind::unspecified);
  for (const char* ip : {"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::"})
    CHECK(kind(ip) == AddressKind::global);
}

TEST_CASE("ranges hold what their prefix covers, across both spellings of an IPv4 address") {
  CHECK(contains("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  CHECK(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
  CHECK(contains("::ffff:10.0.0.0/104", "10.1.1.1"));
  CHECK_FALSE(contains("::ffff:10.0.0.0/104", "11.1.1.1"));
  CHECK(contains("192.0.2.128/25", "192.0.2.129"));
  CHECK_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  CHECK(contains("192.0.2.1", "192.0.2.1"));
  CHECK_FALSE(contains("192.0.2.1", "192.0.2.0"));
  CHECK(contains("0.0.0.0/0", "203.0.113.9"));
  CHECK_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  CHECK(contains("::/0", "2001:db8::1"));
  CHECK_FALSE(contains("::/0", "203.0.113.9"));
  CHECK(contains("2001:db8::/33", "2001:db8:7fff::"));
  CHECK_FALSE(contains("2001:db8::/33", "2001:db8:8000::"));
  CHECK(contains("::1/128", "::1"));
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0/8", "::/129",
                           "x/8", "10.0.0.0/-1", "10.0.0.0/0008"})
    CHECK_FALSE(AddressRange::parse(text));
}
