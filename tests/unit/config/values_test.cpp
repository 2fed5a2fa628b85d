// Each rule beside a neighbour that is accepted; places are those of the mistaken value.
#include "catch.h"
#include "fixture.h"

using namespace borehole::config;
using Texts = std::vector<std::string>;

namespace {

// The one problem of a file; what there is besides fails the test.
std::string only_problem(const std::string& yaml) {
  Fixture fixture;
  const auto problems = fixture.problems(yaml);
  for (const auto& problem : problems) UNSCOPED_INFO(problem);
  REQUIRE(problems.size() == 1);
  return problems.front();
}

Config good(const std::string& yaml) {
  Fixture fixture;
  return fixture.good(yaml);
}

}  // namespace

TEST_CASE("sizes") {
  const auto head_bytes = [](const std::string& text) {
    return good("limits: {head_bytes: " + text + "}").limits.head_bytes;
  };
  CHECK(head_bytes("65536") == 65536);
  CHECK(head_bytes("5000B") == 5000);
  CHECK(head_bytes("64KiB") == 64 * 1024);
  CHECK(head_bytes("1MiB") == 1024 * 1024);
  CHECK(head_bytes("10MB") == 10'000'000);
  CHECK(head_bytes("10kB") == 10'000);
  CHECK(good("record: {keep: {max_bytes: 2GiB}}").record.keep_max_bytes == std::size_t{2} << 30);
  CHECK(good("record: {bodies: {max_bytes: 0}}").record.body_max_bytes == 0);
  for (const std::string text :
       {"64K", "64 KiB", "-1", "1.5MiB", "KiB", "0x1000", "99999999999999999999", "9999999TiB"}) {
    CAPTURE(text);
    CHECK(only_problem("limits:\n  head_bytes: " + text) ==
          "2:15: limits.head_bytes ('" + text + "') must be a size, such as 64KiB, 1MiB, 10MB or a number of bytes");
  }
  CHECK(head_bytes("4KiB") == 4096);
  CHECK(only_problem("limits: {head_bytes: 4095}") ==
        "1:22: limits.head_bytes ('4095') must be from 4096 to 16777216 bytes");
}

TEST_CASE("durations") {
  const auto timeout = [](const std::string& text) {
    return good("limits: {head_timeout: " + text + "}").limits.head_timeout;
  };
  CHECK(timeout("500ms") == Millis{500});
  CHECK(timeout("10s") == Millis{10'000});
  CHECK(timeout("5m") == Millis{300'000});
  CHECK(timeout("1h") == Millis{3'600'000});
  for (const std::string text : {"10 s", "s", "-1s", "1.5s", "1d", "99999999999999999999s", "9223372036854775807h"}) {
    CAPTURE(text);
    CHECK(only_problem("limits: {head_timeout: " + text + "}") ==
          "1:24: limits.head_timeout ('" + text + "') must be a duration, such as 500ms, 10s, 5m or 1h");
  }
  CHECK(only_problem("limits: {head_timeout: 10}") ==
        "1:24: limits.head_timeout ('10') lacks its unit: write a duration such as 500ms, 10s, 5m or 1h");
  CHECK(only_problem("limits: {head_timeout: 0s}") == "1:24: limits.head_timeout ('0s') must be from 1ms to 1h");
  CHECK(only_problem("limits: {head_timeout: 2h}") == "1:24: limits.head_timeout ('2h') must be from 1ms to 1h");
}

TEST_CASE("numbers, switches and choices") {
  CHECK(good("workers: auto").workers == 0);
  CHECK(good("workers: 4").workers == 4);
  CHECK(only_problem("workers: 0") == "1:10: workers ('0') must be auto or a whole number from 1 to 256");
  CHECK(good("ca: {leaf_days: 1}").ca.leaf_days == 1);
  CHECK(only_problem("ca: {leaf_days: 8}") == "1:17: ca.leaf_days ('8') must be a whole number from 1 to 7");
  CHECK(good("upstream: {allow_loopback: true}").upstream.allow_loopback);
  CHECK(only_problem("upstream: {allow_loopback: yes}") ==
        "1:28: upstream.allow_loopback ('yes') must be true or false");
  CHECK_FALSE(good("record: {durability: batch}").record.strict_durability);
  CHECK(only_problem("record: {durability: safe}") == "1:22: record.durability ('safe') must be one of batch, strict");
  CHECK(good("record: {durability: strict}").record.strict_durability);
  CHECK(only_problem("record: {durability: strict, store: null}") ==
        "1:22: record.durability strict needs a store to keep records in: set record.store to a file, or durability to "
        "batch");
  CHECK(good("log: {level: debug, format: json}").log.format == borehole::log::Format::json);
}

TEST_CASE("listen takes an address or a list, IPv6 and port 0") {
  CHECK(good("listen: 127.0.0.1:0").listen == std::vector<HostPort>{{"127.0.0.1", 0}});
  CHECK(good("listen: ['127.0.0.1:1', '[::1]:2', LocalHost:3]").listen ==
        std::vector<HostPort>{{"127.0.0.1", 1}, {"::1", 2}, {"localhost", 3}});
  CHECK(good("listen:\n- 127.0.0.1:0\n- 127.0.0.1:0\n").listen.size() == 2);  // two free ports are no repetition
  CHECK(only_problem("listen:\n- 127.0.0.1:1\n- 127.0.0.1:1\n") ==
        "2:1: listen names one address twice: remove one of the two");
  for (const std::string text :
       {"5380", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "256.0.0.1:1", "127.1:1",
        "-host:1", "host-:1", "ho st:1", "a..b:1", "::1:5380", "http://localhost:1"}) {
    CAPTURE(text);
    CHECK(only_problem("listen: \"" + text + "\"") ==
          "1:9: listen ('" + text + "') must be HOST:PORT, such as 127.0.0.1:5380 or \"[::1]:5380\"");
  }
  CHECK(only_problem("listen: [127.0.0.1:1, 127.0.0.1]") ==
        "1:23: listen[1] ('127.0.0.1') must be HOST:PORT, such as 127.0.0.1:5380 or \"[::1]:5380\"");
  CHECK(only_problem("listen: \":5380\"") ==
        "1:9: listen (':5380') lacks its host: write 0.0.0.0 or [::] for every interface, as in 0.0.0.0:5380");
  CHECK(only_problem("listen: []") == "1:9: listen must name at least one address, such as 127.0.0.1:5380");
  CHECK(only_problem("listen: {a: b}") == "1:9: listen must be a list, not a map");
  CHECK(only_problem("listen: null") ==
        "1:9: listen has no value: write a list, [] for an empty one, or remove the line for the default");
  CHECK(only_problem("admin: [127.0.0.1:1]") == "1:8: admin must be a single value, not a list");
}

TEST_CASE("an address that other machines reach needs a rule for who may come") {
  const std::string remedy =
      "listen is reachable from other machines: set auth.users_file or auth.allow_clients, or keep to a loopback "
      "address "
      "such as 127.0.0.1";
  for (const std::string host : {"0.0.0.0", "[::]", "192.0.2.1", "example.com", "[::ffff:192.0.2.1]", "notlocalhost"}) {
    CAPTURE(host);
    CHECK(only_problem("workers: 1\nlisten: [127.0.0.1:1, \"" + host + ":1\"]") == "2:9: " + remedy);
    CHECK(good("listen: \"" + host + ":1\"\nauth: {allow_clients: 10.0.0.0/8}").auth.allow_clients.size() == 1);
  }
  for (const std::string host : {"127.0.0.1", "127.9.9.9", "[::1]", "localhost", "a.localhost", "[::ffff:127.0.0.1]"}) {
    CAPTURE(host);
    CHECK(good("listen: \"" + host + ":1\"").listen.size() == 1);
  }
  CHECK(only_problem("auth: {allow_clients: []}\nlisten: 0.0.0.0:1") == "2:9: " + remedy);

  Fixture fixture;
  fixture.write("conf/users", "");
  CHECK(fixture.good("listen: 0.0.0.0:1\nadmin: 0.0.0.0:2\nauth: {users_file: users}").auth.users_file ==
        fixture.folder() + "/conf/users");
  CHECK(only_problem("admin: 0.0.0.0:2\nauth: {allow_clients: 10.0.0.0/8}") ==
        "1:8: admin is reachable from other machines: set auth.users_file, or keep to a loopback address such as "
        "127.0.0.1");
}

TEST_CASE("admin may be none, and not where clients connect") {
  CHECK_FALSE(good("admin: null").admin.has_value());
  CHECK_FALSE(good("admin:").admin.has_value());
  CHECK(good("admin: 127.0.0.1:0\nlisten: 127.0.0.1:0").admin->port == 0);
  CHECK(only_problem("listen: 127.0.0.1:7\nadmin: 127.0.0.1:7") ==
        "2:8: admin and listen are the same address: give one of them another port");
  CHECK(only_problem("listen: 127.0.0.1:5381") ==
        "1:9: admin and listen are the same address: give one of them another port");
}

TEST_CASE("routers") {
  const auto config = good(
      "routers:\n"
      "  - path: /a%3Ab/\n"
      "    upstream: HTTPS://Example.com\n"
      "    require_headers: {Content-Type: application/json, x-a: \"1\"}\n"
      "  - {path: /b/, upstream: \"http://[::1]:8080\"}\n");
  REQUIRE(config.routers.size() == 2);  // what is written, and no more
  CHECK(config.routers[0].path == "/a%3Ab/");
  CHECK(config.routers[0].scheme == "https");
  CHECK(config.routers[0].upstream == HostPort{"example.com", 443});
  CHECK(config.routers[0].require_headers ==
        std::map<std::string, std::string>{{"content-type", "application/json"}, {"x-a", "1"}});
  CHECK(config.routers[1].upstream == HostPort{"::1", 8080});
  CHECK(good("routers: [{path: /, upstream: \"http://h\"}]").routers[0].upstream == HostPort{"h", 80});
  CHECK_FALSE(good("routers: [{path: /}]").routers[0].upstream.has_value());

  CHECK(only_problem("routers: [{path: /x, upstream: \"http://h\"}]") ==
        "1:18: routers[0].path ('/x') must end with \"/\": add the final slash, such as /service/standard/");
  CHECK(only_problem("routers: [{path: x/, upstream: \"http://h\"}]") ==
        "1:18: routers[0].path ('x/') must begin with \"/\", such as /service/standard/");
  CHECK(only_problem("routers: [{path: \"/x?/\", upstream: \"http://h\"}]") ==
        "1:18: routers[0].path ('/x?/') must be a path as it stands in a request line, without query, blanks or "
        "unencoded characters");
  CHECK(only_problem("routers: [{path: /x/}]") ==
        "1:11: routers[0] lacks its upstream: add the URL to forward to; only path \"/\" goes without");
  CHECK(only_problem("routers: [{upstream: \"http://h\"}]") ==
        "1:11: routers[0] lacks its path: add one that begins and ends with \"/\", such as /service/standard/");
  CHECK(only_problem("routers:\n- path: /\n- path: /x/\n  upstream: http://h\n- path: /x/\n  upstream: http://i\n") ==
        "5:9: routers[2] has a path that another router already has: give each its own");
  CHECK(only_problem("routers: [{path: /, upsteam: \"http://h\"}]") ==
        "1:21: unknown key 'upsteam'; did you mean 'upstream'?");
  CHECK(only_problem("routers: []") == "1:10: routers must hold at least one router, such as - path: /");
  CHECK(only_problem("routers: [/]") == "1:11: routers[0] must be a map of keys and values");
  CHECK(only_problem("routers: [{path: /, require_headers: {\"a b\": x}}]") ==
        "1:39: routers[0].require_headers: 'a b' must be the name of a header, such as content-type");
  CHECK(only_problem("routers: [{path: /, require_headers: {a: x, A: y}}]") ==
        "1:45: routers[0].require_headers names 'a' twice: remove one of the two");

  const std::string at = "1:31: routers[0].upstream ";
  const auto upstream = [](const std::string& url) {
    return only_problem("routers: [{path: /, upstream: \"" + url + "\"}]");
  };
  CHECK(upstream("https://h/p") ==
        at + "('https://h/p') must not have a path or query: end it behind the host or port, without a slash");
  CHECK(upstream("https://h/") ==
        at + "('https://h/') must not have a path or query: end it behind the host or port, without a slash");
  CHECK(upstream("https://h?q") ==
        at + "('https://h?q') must not have a path or query: end it behind the host or port, without a slash");
  CHECK(upstream("https://u:secret@h") == at + "must not hold a user or password: remove all before the @");
  const std::string example = "such as https://bedrock-runtime.us-east-1.amazonaws.com";
  CHECK(upstream("ftp://h") == at + "('ftp://h') must be an https:// or http:// URL, " + example);
  CHECK(upstream("https://") == at + "('https://') must name a host and perhaps a port, " + example);
  CHECK(upstream("https://h:0") == at + "('https://h:0') must name a host and perhaps a port, " + example);
}

TEST_CASE("intercept patterns") {
  CHECK_FALSE(good("").intercept.has_value());
  CHECK(good("intercept: []").intercept->empty());
  CHECK(good("intercept: [Bedrock*.Example.com, \"*\", 192.0.2.1, \"::1\"]").intercept ==
        Texts{"bedrock*.example.com", "*", "192.0.2.1", "::1"});
  for (const std::string text : {"https://h", "h:443", "h/", "a..b", "h ", ""}) {
    CAPTURE(text);
    CHECK(only_problem("intercept: [\"" + text + "\"]") ==
          "1:13: intercept[0]" + (text.empty() ? "" : " ('" + text + "')") +
              " must be a host name in which * may stand for characters between two dots, such as "
              "bedrock-runtime.*.amazonaws.com; no "
              "scheme, no port");
  }
}

TEST_CASE("resolve rules keep their order") {
  const auto rules =
      good("upstream:\n  resolve:\n    \"*.Example.com:443\": 127.0.0.1:8443\n    \"[::1]:1\": \"[::2]:2\"\n")
          .upstream.resolve;
  REQUIRE(rules.size() == 2);
  CHECK(rules[0].host == "*.example.com");
  CHECK(rules[0].port == 443);
  CHECK(rules[0].to == HostPort{"127.0.0.1", 8443});
  CHECK(rules[1].host == "::1");
  CHECK(rules[1].to == HostPort{"::2", 2});
  const std::string from = "must be \"host:port\", * allowed in the host, such as \"*.amazonaws.com:443\"";
  for (const std::string text : {"h", "h:0", "h:*", "::1:443", ":443", "h:443:1"}) {
    CAPTURE(text);
    CHECK(only_problem("upstream: {resolve: {\"" + text + "\": 127.0.0.1:1}}") ==
          "1:22: upstream.resolve: '" + text + "' " + from);
  }
  CHECK(only_problem("upstream: {resolve: {\"h:1\": \"localhost:1\"}}") ==
        "1:29: upstream.resolve.h:1 ('localhost:1') must be \"address:port\" with an IP address, such as "
        "\"127.0.0.1:8443\"");
  CHECK(only_problem("upstream: {resolve: {\"h:1\": \"127.0.0.1:1\", \"H:1\": \"127.0.0.1:2\"}}") ==
        "1:44: upstream.resolve names h:1 twice: remove one of the two");
}

TEST_CASE("ports that clients may ask for") {
  const auto ports = good("upstream: {ports: [443, 1024-65535]}").upstream.ports;
  REQUIRE(ports.size() == 2);
  CHECK(ports[0].first == 443);
  CHECK(ports[0].last == 443);
  CHECK(ports[1].first == 1024);
  CHECK(ports[1].last == 65535);
  CHECK(good("upstream: {ports: 443}").upstream.ports.size() == 1);
  for (const std::string text : {"0", "65536", "1-", "-1", "0-5", "1-2-3", "x"}) {
    CAPTURE(text);
    CHECK(only_problem("upstream: {ports: [" + text + "]}") ==
          "1:20: upstream.ports[0] ('" + text +
              "') must be a port or a range of ports within 1 to 65535, such as 443 or 1024-65535");
  }
  CHECK(only_problem("upstream: {ports: [9-8]}") ==
        "1:20: upstream.ports[0] ('9-8') ends before it begins: write the lower port first, such as 1024-65535");
}

TEST_CASE("the upstream proxy's credentials are decoded, and never shown") {
  const auto proxy = good("upstream: {proxy: \"http://us%40er:p%3a%2F%40ss@Proxy.corp:3128/\"}").upstream.proxy;
  REQUIRE(proxy.has_value());
  CHECK(proxy->address == HostPort{"proxy.corp", 3128});
  CHECK(proxy->user == "us@er");
  CHECK(proxy->password == "p:/@ss");
  CHECK(good("upstream: {proxy: \"http://h:1\"}").upstream.proxy->user.empty());
  CHECK_FALSE(good("upstream: {proxy: null}").upstream.proxy.has_value());
  for (const std::string text :
       {"https://h:1", "h:1", "http://h", "http://h:0", "http://user:secret", "socks5://h:1"}) {
    CAPTURE(text);
    CHECK(only_problem("upstream: {proxy: \"" + text + "\"}") ==
          "1:19: upstream.proxy must look like http://host:port or http://user:password@host:port");
  }
  const std::string encoding =
      "1:19: upstream.proxy has a user or password that is not percent-encoded: write %40 for @, %3A for :, %2F for / "
      "and so on";
  for (const std::string text : {"u:100%@h:1", "u:%4@h:1", "u:%+1@h:1", "u:%0A@h:1"}) {
    CAPTURE(text);
    CHECK(only_problem("upstream: {proxy: \"http://" + text + "\"}") == encoding);
  }
  CHECK(only_problem("upstream: {proxy: \"http://:p@h:1\"}") ==
        "1:19: upstream.proxy has a user name that is empty or holds a colon");
}

TEST_CASE("networks come out canonical") {
  const auto networks =
      good("auth: {allow_clients: [10.0.0.0/8, 192.0.2.7, \"FD00:0::/8\", 0.0.0.0/0]}").auth.allow_clients;
  REQUIRE(networks.size() == 4);
  CHECK(networks[0].text == "10.0.0.0/8");
  CHECK(networks[1].text == "192.0.2.7/32");
  CHECK(networks[2].text == "fd00::/8");
  CHECK(networks[3].text == "0.0.0.0/0");
  const std::string at = "1:24: auth.allow_clients[0] ";
  const auto network = [](const std::string& text) {
    return only_problem("auth: {allow_clients: [\"" + text + "\"]}");
  };
  CHECK(network("10.1.0.0/8") ==
        at + "('10.1.0.0/8') has bits behind its length: write the network's first address, as in 10.0.0.0/8");
  CHECK(network("10.0.0.0/33") == at + "('10.0.0.0/33') must have a length from 0 to 32 behind the slash");
  CHECK(network("::/129") == at + "('::/129') must have a length from 0 to 128 behind the slash");
  CHECK(network("10.0.0.0/") == at + "('10.0.0.0/') must have a length from 0 to 32 behind the slash");
  CHECK(network("office") == at + "('office') must be a network, such as 10.0.0.0/8, fd00::/8 or 192.0.2.7");
}

TEST_CASE("what is recorded") {
  Fixture fixture;
  const auto config = fixture.good("record: {store: null, jsonl: \"-\", mask_headers: [Cookie, X-Secret]}");
  CHECK_FALSE(config.record.store.has_value());
  CHECK(config.record.jsonl == "-");
  CHECK(config.record.mask_headers == Texts{"cookie", "x-secret"});
  CHECK(fixture.good("record: {jsonl: ../x/../calls.jsonl}").record.jsonl == fixture.folder() + "/calls.jsonl");
  CHECK(fixture.good("record: {store: /var/calls.db}").record.store == "/var/calls.db");
  CHECK(only_problem("record: {store: ~/calls.db}") ==
        "1:17: record.store ('~/calls.db') begins with ~, which is not expanded here: write ${HOME} for it");
  CHECK(only_problem("record: {store: \"\"}") == "1:17: record.store must be a path: it is empty");
}

TEST_CASE("keys get names, by what is no secret of theirs") {
  Fixture fixture;
  const auto config = fixture.good(
      "record: {key_aliases: {AKIAIOSFODNN7EXAMPLE: ci, BedrockAPIKey-a1b2-at-123456789012: \"the team's\"}}");
  CHECK(config.record.key_aliases ==
        std::map<std::string, std::string>{{"AKIAIOSFODNN7EXAMPLE", "ci"},
                                           {"BedrockAPIKey-a1b2-at-123456789012", "the team's"}});
  CHECK(fixture.good("record: {key_aliases: {}}").record.key_aliases.empty());
  const std::string wanted =
      "must be an access key id, such as AKIAIOSFODNN7EXAMPLE, or the name of an API key, such as "
      "BedrockAPIKey-a1b2-at-123456789012";
  CHECK(only_problem("record: {key_aliases: {akia: ci}}") == "1:24: record.key_aliases: a key here " + wanted);
  CHECK(only_problem("record:\n  key_aliases:\n    ABSKhush: ci\n") ==
        "3:5: record.key_aliases: a key here is a secret: name the key by its access key id or by the name that IAM "
        "shows for it");
  CHECK(only_problem("record: {key_aliases: {AKIAIOSFODNN7EXAMPLE: AKIAIOSFODNN7EXAMPLF}}") ==
        "1:46: record.key_aliases.AKIAIOSFODNN7EXAMPLE ('AKIAIOSFODNN7EXAMPLF') is itself an access key id: give a "
        "name such as ci");
  CHECK(only_problem("record: {key_aliases: [ci]}") == "1:23: record.key_aliases must be a map of keys and values");
}

TEST_CASE("files that must exist are looked for") {
  Fixture fixture;
  fixture.write("conf/extra.pem", "");
  fixture.write("conf/prices.yaml", "");
  CHECK(fixture.good("upstream: {ca_files: extra.pem}").upstream.ca_files ==
        Texts{fixture.folder() + "/conf/extra.pem"});
  CHECK(fixture.good("").prices == fixture.folder() + "/conf/prices.yaml");  // beside the file
  CHECK_FALSE(fixture.good("prices: null").prices.has_value());
  const std::string gone = " names a file that cannot be read (No such file or directory): create it or mend the path";
  CHECK(only_problem("upstream: {ca_files: [none.pem]}") == "1:23: upstream.ca_files[0]" + gone);
  CHECK(only_problem("prices: none.yaml") == "1:9: prices" + gone);
  CHECK(only_problem("auth: {users_file: none}\nlisten: 0.0.0.0:1") == "1:20: auth.users_file" + gone);
}
