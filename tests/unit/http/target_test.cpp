#include "http/target.h"

#include <string>

#include "catch.h"

using namespace borehole;
using namespace borehole::http;

namespace {

std::string dialled(Bytes text, std::uint16_t default_port = 443) {
  const auto authority = parse_authority(text, default_port);
  return authority ? to_string(*authority) : "refused";
}

}  // namespace

TEST_CASE("an authority is a host, and a port if it is given") {
  CHECK(dialled("example.com") == "example.com:443");
  CHECK(dialled("example.com", 80) == "example.com:80");
  CHECK(dialled("example.com:8443") == "example.com:8443");
  CHECK(dialled("EXAMPLE.Com") == "example.com:443");
  CHECK(dialled("example.com.") == "example.com:443");
  CHECK(dialled("example.com.:80") == "example.com:80");
  CHECK(dialled("my_host") == "my_host:443");
  CHECK(dialled("a-b.c-d") == "a-b.c-d:443");
  CHECK(dialled("localhost:") == "localhost:443");
  CHECK(dialled("xn--bcher-kva.example") == "xn--bcher-kva.example:443");
  CHECK(parse_authority("a:443", 443)->port_given);
  CHECK_FALSE(parse_authority("a:", 443)->port_given);
  CHECK_FALSE(parse_authority("a", 443)->port_given);
  CHECK_FALSE(parse_authority("a", 443)->is_ip);
  CHECK(*parse_authority("A.example.:443", 1) == *parse_authority("a.example", 443));
  CHECK_FALSE(*parse_authority("a.example:80", 1) == *parse_authority("a.example", 443));
}

TEST_CASE("ports are 1 to 65535") {
  CHECK(dialled("a:1") == "a:1");
  CHECK(dialled("a:65535") == "a:65535");
  for (const Bytes bad :
       {"a:0", "a:65536", "a:99999", "a:100000", "a:-1", "a:+1", "a:1x", "a: 1", "a:1 ", "a:0x50", "a:1:2", "a::"}) {
    CAPTURE(bad);
    CHECK(dialled(bad) == "refused");
  }
}

TEST_CASE("IPv6 literals stand in brackets") {
  CHECK(dialled("[::1]") == "[::1]:443");
  CHECK(dialled("[::1]:80") == "[::1]:80");
  CHECK(dialled("[::1]:") == "[::1]:443");
  CHECK(dialled("[FD00:EC2::254]:80") == "[fd00:ec2::254]:80");
  CHECK(dialled("[::ffff:127.0.0.1]") == "[::ffff:127.0.0.1]:443");
  CHECK(parse_authority("[::1]", 1)->is_ip);
  CHECK(parse_authority("[::1]", 1)->host == "::1");
  for (const Bytes bad : {"::1", "[::1", "::1]", "[]", "[:::1]", "[::1]x", "[::1]80", "[fe80::1%25eth0]",
                          "[fe80::1%eth0]", "[v1.x]", "[127.0.0.1]", "[[::1]]", "[a.example]", "x[::1]"}) {
    CAPTURE(bad);
    CHECK(dialled(bad) == "refused");
  }
  CHECK(dialled(Bytes("[::1\0]", 6)) == "refused");
}

TEST_CASE("IPv4 literals have one spelling") {
  CHECK(dialled("127.0.0.1:80") == "127.0.0.1:80");
  CHECK(parse_authority("10.1.2.3", 1)->is_ip);
  CHECK(parse_authority("127.0.0.1.", 1)->is_ip);
  for (const Bytes bad : {"127.1", "2130706433", "0x7f.0.0.1", "127.0.0.0x1", "0177.0.0.01", "127.0.0.01", "256.1.1.1",
                          "1.2.3.4.5", "a.1", "0x", "0x7f000001"}) {
    CAPTURE(bad);
    CHECK(dialled(bad) == "refused");
  }
  CHECK(dialled("1.2.3.a4") == "1.2.3.a4:443");
  CHECK(dialled("1password.example") == "1password.example:443");
  CHECK(dialled("0xyz") == "0xyz:443");
}

TEST_CASE("userinfo, empty hosts and other characters are refused") {
  for (const Bytes bad : {"",
                          ":",
                          ":443",
                          ".",
                          "..",
                          "a..b",
                          ".a",
                          "user@a",
                          "user:pass@a",
                          "a b",
                          " a",
                          "a ",
                          "a/b",
                          "a?b",
                          "a#b",
                          "a\\b",
                          "a%41",
                          "b\xc3\xbc"
                          "cher.example",
                          "a\r\n",
                          "a,b",
                          "a;b",
                          "*.example.com",
                          "a!b",
                          "a'b"}) {
    CAPTURE(bad);
    CHECK(dialled(bad) == "refused");
  }
  CHECK(dialled(Bytes("a\0b", 3)) == "refused");
  CHECK(dialled(std::string(63, 'a')) == std::string(63, 'a') + ":443");
  CHECK(dialled(std::string(64, 'a')) == "refused");
  std::string longest;
  for (int i = 0; i < 126; ++i) longest += "a.";
  CHECK(dialled(longest + "a") == longest + "a:443");
  CHECK(dialled(longest + "aa") == "refused");
}

TEST_CASE("a target is split by its form") {
  const auto origin = split_target("GET", "/a%2Fb:c?d=/e");
  REQUIRE(origin);
  CHECK(origin->form == TargetForm::origin);
  CHECK(origin->origin == "/a%2Fb:c?d=/e");
  CHECK(path_of(origin->origin) == "/a%2Fb:c");
  CHECK(path_of("/x") == "/x");

  const auto absolute = split_target("POST", "HTTPS://a.example:8443/model/x%3A0/invoke?y");
  REQUIRE(absolute);
  CHECK(absolute->form == TargetForm::absolute);
  CHECK(absolute->scheme == "HTTPS");
  CHECK(absolute->authority == "a.example:8443");
  CHECK(absolute->origin == "/model/x%3A0/invoke?y");
  const auto bare = split_target("GET", "http://[::1]");
  REQUIRE(bare);
  CHECK(bare->authority == "[::1]");
  CHECK(bare->origin.empty());
  const auto query = split_target("GET", "http://a.example:80?q=1/../?@b.example:443");
  REQUIRE(query);
  CHECK(query->form == TargetForm::absolute);
  CHECK(query->authority == "a.example:80");
  CHECK(query->origin == "?q=1/../?@b.example:443");
  CHECK(path_of(query->origin).empty());
  const auto empty_query = split_target("GET", "https://a.example?");
  REQUIRE(empty_query);
  CHECK(empty_query->authority == "a.example");
  CHECK(empty_query->origin == "?");

  const auto connect = split_target("CONNECT", "a.example:443");
  REQUIRE(connect);
  CHECK(connect->form == TargetForm::authority);
  CHECK(connect->authority == "a.example:443");

  const auto asterisk = split_target("OPTIONS", "*");
  REQUIRE(asterisk);
  CHECK(asterisk->form == TargetForm::asterisk);
  CHECK(split_target("OPTIONS", "/"));
  CHECK(split_target("GET", "//double"));
  CHECK(split_target("GET", "/with{odd}|chars"));
}

TEST_CASE("targets in none of the forms are refused") {
  const auto refused = [](Bytes method, Bytes target) {
    CAPTURE(method, target);
    CHECK_FALSE(split_target(method, target));
  };
  refused("GET", "");
  refused("GET", "*");
  refused("GET", "a.example:443");
  refused("GET", "relative/path");
  refused("GET", "ftp://a.example/");
  refused("GET", "ws://a.example/");
  refused("GET", "://a.example/");
  refused("GET", "https:/a.example/");
  refused("GET", "https:///path");
  refused("GET", "https://user@a.example/");
  refused("GET", "https://a.example:0/");
  refused("GET", "https://?query");
  refused("GET", "https://a.example:0?query");
  refused("GET", "https://user@a.example?query");
  refused("GET", "https://a.example?query#fragment");
  refused("GET", "?query");
  refused("GET", "https://a.example\\@b.example/");
  refused("GET", "/path#fragment");
  refused("GET", "/a b");
  refused("GET", "/a\tb");
  refused("GET", "/a\x7f");
  refused("GET", "/\xc3\xa9");
  refused("CONNECT", "a.example");
  refused("CONNECT", "a.example:");
  refused("CONNECT", "a.example:0");
  refused("CONNECT", "/path");
  refused("CONNECT", "https://a.example:443/");
  refused("CONNECT", "*");
}
