// Every key of the configuration, right and wrong: what it becomes, and the whole message with its place. A key that
// stands in no row fails the test.
#include <algorithm>
#include <string_view>

#include "catch.h"
#include "config/schema.h"
#include "fixture.h"

using namespace borehole::config;

namespace {

// `key` with `value` below its sections, block style; the place of the value is computed from that.
struct Written {
  std::string yaml;
  int line = 0, column = 0;
};

Written written(std::string_view key, std::string_view value) {
  Written out;
  std::string indent;
  for (auto dot = key.find('.'); dot != key.npos; dot = key.find('.')) {
    out.yaml += indent + std::string(key.substr(0, dot)) + ":\n";
    indent += "  ";
    key.remove_prefix(dot + 1);
    ++out.line;
  }
  out.yaml += indent + std::string(key) + ": ";
  out.column = static_cast<int>(indent.size() + key.size()) + 3;
  out.yaml += std::string(value) + "\n";
  ++out.line;
  return out;
}

struct Row {
  std::string_view key;
  std::string_view right;
  bool (*holds)(const Config&);
  std::string_view wrong;
  std::string_view message;  // behind the place and the key
  int inside = 0;            // how far behind the value's beginning the mistake stands
};

const std::string_view host_port = " ('5380') must be HOST:PORT, such as 127.0.0.1:5380 or \"[::1]:5380\"";

// clang-format off
const std::vector<Row> rows{
  {"listen", "127.0.0.9:7", [](const Config& c) { return c.listen == std::vector<HostPort>{{"127.0.0.9", 7}}; }, "5380", host_port},
  {"admin", "127.0.0.9:7", [](const Config& c) { return c.admin == HostPort{"127.0.0.9", 7}; }, "5380", host_port},
  {"workers", "3", [](const Config& c) { return c.workers == 3; },
   "many", " ('many') must be auto or a whole number from 1 to 256"},
  {"ca.dir", "/ca", [](const Config& c) { return c.ca.dir == "/ca"; },
   "~/ca", " ('~/ca') begins with ~, which is not expanded here: write ${HOME} for it"},
  {"ca.leaf_days", "1", [](const Config& c) { return c.ca.leaf_days == 1; },
   "30", " ('30') must be a whole number from 1 to 7"},
  {"intercept", "[h.test]", [](const Config& c) { return c.intercept && c.intercept->size() == 1; },
   "[https://h]", "[0] ('https://h') must be a host name in which * may stand for characters between two dots, such as "
   "bedrock-runtime.*.amazonaws.com; no scheme, no port", 1},
  {"routers", "[{path: /a/, upstream: \"http://h\"}]", [](const Config& c) { return c.routers[0].path == "/a/"; },
   "[{path: /a/}]", "[0] lacks its upstream: add the URL to forward to; only path \"/\" goes without", 1},
  {"upstream.ca_files", "[/dev/null]", [](const Config& c) { return c.upstream.ca_files.size() == 1; },
   "[/nowhere.pem]", "[0] names a file that cannot be read (No such file or directory): create it or mend the path", 1},
  {"upstream.resolve", "{\"h:1\": \"127.0.0.1:2\"}", [](const Config& c) { return c.upstream.resolve.size() == 1; },
   "{\"h\": \"127.0.0.1:2\"}", ": 'h' must be \"host:port\", * allowed in the host, such as \"*.amazonaws.com:443\"", 1},
  {"upstream.ports", "[443, 8000-9000]", [](const Config& c) { return c.upstream.ports.size() == 2; },
   "[70000]", "[0] ('70000') must be a port or a range of ports within 1 to 65535, such as 443 or 1024-65535", 1},
  {"upstream.proxy", "http://h:1", [](const Config& c) { return c.upstream.proxy && c.upstream.proxy->address.port == 1; },
   "https://h:1", " must look like http://host:port or http://user:password@host:port"},
  {"upstream.connect_timeout", "3s", [](const Config& c) { return c.upstream.connect_timeout == Millis{3000}; },
   "3", " ('3') lacks its unit: write a duration such as 500ms, 10s, 5m or 1h"},
  {"upstream.response_timeout", "5m", [](const Config& c) { return c.upstream.response_timeout == Millis{300'000}; },
   "25h", " ('25h') must be from 1ms to 24h"},
  {"upstream.idle_timeout", "1h", [](const Config& c) { return c.upstream.idle_timeout == Millis{3'600'000}; },
   "soon", " ('soon') must be a duration, such as 500ms, 10s, 5m or 1h"},
  {"upstream.idle_connections", "0", [](const Config& c) { return c.upstream.idle_connections == 0; },
   "-1", " ('-1') must be a whole number from 0 to 100000"},
  {"upstream.warm_connections", "2", [](const Config& c) { return c.upstream.warm_connections == 2; },
   "101", " ('101') must be a whole number from 0 to 100"},
  {"upstream.allow_loopback", "true", [](const Config& c) { return c.upstream.allow_loopback; },
   "yes", " ('yes') must be true or false"},
  {"limits.head_bytes", "8KiB", [](const Config& c) { return c.limits.head_bytes == 8192; },
   "1KiB", " ('1KiB') must be from 4096 to 16777216 bytes"},
  {"limits.connections", "9", [](const Config& c) { return c.limits.connections == 9; },
   "none", " ('none') must be a whole number from 1 to 1000000"},
  {"limits.header_fields", "99", [](const Config& c) { return c.limits.header_fields == 99; },
   "3", " ('3') must be a whole number from 16 to 100000"},
  {"limits.header_line_bytes", "2KiB", [](const Config& c) { return c.limits.header_line_bytes == 2048; },
   "1", " ('1') must be from 1024 to 16777216 bytes"},
  {"limits.buffered_bytes", "2MiB", [](const Config& c) { return c.limits.buffered_bytes == 2 * 1024 * 1024; },
   "1KiB", " ('1KiB') must be from 1048576 to 1099511627776 bytes"},
  {"limits.target_bytes", "2KiB", [](const Config& c) { return c.limits.target_bytes == 2048; },
   "1", " ('1') must be from 1024 to 16777216 bytes"},
  {"limits.connections_per_address", "9", [](const Config& c) { return c.limits.connections_per_address == 9U; },
   "-1", " ('-1') must be a whole number from 0 to 1000000"},
  {"limits.connections_per_second", "0", [](const Config& c) { return c.limits.connections_per_second == 0U; },
   "9/s", " ('9/s') must be a whole number from 0 to 1000000"},
  {"limits.requests_per_connection", "9", [](const Config& c) { return c.limits.requests_per_connection == 9; },
   "-1", " ('-1') must be a whole number from 0 to 1000000000"},
  {"limits.body_bytes_per_second", "9", [](const Config& c) { return c.limits.body_bytes_per_second == 9; },
   "2000000", " ('2000000') must be a whole number from 0 to 1000000"},
  {"limits.h2_streams", "9", [](const Config& c) { return c.limits.h2_streams == 9; },
   "0", " ('0') must be a whole number from 1 to 10000"},
  {"limits.idle_timeout", "9s", [](const Config& c) { return c.limits.idle_timeout == Millis{9000}; },
   "0s", " ('0s') must be from 1ms to 24h"},
  {"limits.head_timeout", "9s", [](const Config& c) { return c.limits.head_timeout == Millis{9000}; },
   "2h", " ('2h') must be from 1ms to 1h"},
  {"limits.drain_timeout", "0s", [](const Config& c) { return c.limits.drain_timeout == Millis{0}; },
   "[1s]", " must be a single value, not a list"},
  {"auth.users_file", "/dev/null", [](const Config& c) { return c.auth.users_file == "/dev/null"; },
   "/nowhere", " names a file that cannot be read (No such file or directory): create it or mend the path"},
  {"auth.allow_clients", "[10.0.0.0/8]", [](const Config& c) { return c.auth.allow_clients.size() == 1; },
   "[10.1.0.0/8]", "[0] ('10.1.0.0/8') has bits behind its length: write the network's first address, as in 10.0.0.0/8", 1},
  {"record.store", "null", [](const Config& c) { return !c.record.store; }, "\"\"", " must be a path: it is empty"},
  {"record.jsonl", "\"-\"", [](const Config& c) { return c.record.jsonl == "-"; },
   "{}", " must be a single value, not a map"},
  {"record.session_header", "X-Chat", [](const Config& c) { return c.record.session_header == "x-chat"; },
   "a b", " ('a b') must be the name of a header, such as content-type"},
  {"record.answer_header", "Borehole-Call-Id", [](const Config& c) { return c.record.answer_header == "Borehole-Call-Id"; },
   "Content-Length", " ('Content-Length') has a meaning of its own in answers: choose another name, such as Borehole-Call-Id"},
  {"record.key_aliases", "{AKIAIOSFODNN7EXAMPLE: ci}", [](const Config& c) { return c.record.key_aliases.count("AKIAIOSFODNN7EXAMPLE") == 1; },
   "{AKIAIOSFODNN7EXAMPLE: \" x\"}", ".AKIAIOSFODNN7EXAMPLE (' x') must be a name of up to 64 characters, with no blanks around it, such as ci", 23},
  {"record.bodies.max_bytes", "0", [](const Config& c) { return c.record.body_max_bytes == 0; },
   "2GiB", " ('2GiB') must be from 0 to 1073741824 bytes"},
  {"record.bodies.keep", "hashed", [](const Config& c) { return c.record.body_keep == BodyKeep::hashed; },
   "none", " ('none') must be one of kept, hashed, off"},
  {"record.bodies.rules", "[{model: \"anthropic.*\", keep: hashed}, {router: /a/, keep: off}]",
   [](const Config& c) {
     return c.record.body_rules.size() == 2 && c.record.body_rules[0].model == "anthropic.*" &&
            c.record.body_rules[0].keep == BodyKeep::hashed && c.record.body_rules[1].router == "/a/" &&
            c.record.body_rules[1].keep == BodyKeep::off;
   },
   "[{keep: off}]", "[0] must name a model or a router, and what to keep: {model: \"anthropic.*\", keep: hashed}", 1},
  {"record.redact.json_paths", "[\"$.a[*]\", $..b]", [](const Config& c) { return c.record.redact.json_paths.size() == 2; },
   "[a.b]", "[0] ('a.b') must begin with $, the whole document: there are $, .name, ['name'], [0], .*, [*] and the same behind ..", 1},
  {"record.redact.patterns", "[{name: ticket, regex: \"T-[0-9]+\"}]",
   [](const Config& c) {
     return c.record.redact.patterns.size() == 1 && c.record.redact.patterns[0].name == "ticket" &&
            c.record.redact.patterns[0].pattern.text() == "T-[0-9]+";
   },
   "[{name: ticket}]", "[0] lacks its regex: write {name: ticket, regex: \"TICKET-[0-9]{6}\"}", 1},
  {"record.redact.builtin", "[email, aws_key]", [](const Config& c) { return c.record.redact.email && c.record.redact.aws_key; },
   "[phone]", "[0] ('phone') must be one of email, card, aws_key", 1},
  {"record.mask_headers", "[X-One]", [](const Config& c) { return c.record.mask_headers == std::vector<std::string>{"x-one"}; },
   "[\"x:\"]", "[0] ('x:') must be the name of a header, such as content-type", 1},
  {"record.jsonl_max_bytes", "1GiB", [](const Config& c) { return c.record.jsonl_max_bytes == std::size_t{1} << 30; },
   "much", " ('much') must be a size, such as 64KiB, 1MiB, 10MB or a number of bytes"},
  {"record.jsonl_files", "9", [](const Config& c) { return c.record.jsonl_files == 9; },
   "0", " ('0') must be a whole number from 1 to 1000"},
  {"record.durability", "strict", [](const Config& c) { return c.record.strict_durability; },
   "loose", " ('loose') must be one of batch, strict"},
  {"record.keep.days", "1", [](const Config& c) { return c.record.keep_days == 1; },
   "0", " ('0') must be a whole number from 1 to 36500"},
  {"record.keep.max_bytes", "1MiB", [](const Config& c) { return c.record.keep_max_bytes == 1024 * 1024; },
   "lots", " ('lots') must be a size, such as 64KiB, 1MiB, 10MB or a number of bytes"},
  {"prices", "null", [](const Config& c) { return !c.prices; },
   "none.yaml", " names a file that cannot be read (No such file or directory): create it or mend the path"},
  {"log.level", "warn", [](const Config& c) { return c.log.level == borehole::log::Level::warn; },
   "loud", " ('loud') must be one of debug, info, warn, error, off"},
  {"log.format", "json", [](const Config& c) { return c.log.format == borehole::log::Format::json; },
   "xml", " ('xml') must be one of text, json"},
};
// clang-format on

const Row* row_of(std::string_view key) {
  const auto found = std::ranges::find(rows, key, &Row::key);
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("each key takes what is right, in the file and on the command line") {
  for (const auto key : all_keys()) {
    CAPTURE(key);
    const Row* row = row_of(key);
    REQUIRE(row != nullptr);
    Fixture fixture;
    if (key != "prices") CHECK_FALSE(row->holds(fixture.good("")));  // no default
    CHECK(row->holds(fixture.good(written(key, row->right).yaml)));
    fixture.options.sets = {std::string(key) + "=" + std::string(row->right)};
    CHECK(row->holds(fixture.good("")));
  }
}

TEST_CASE("each key refuses what is wrong, with file, line, column and remedy") {
  for (const auto key : all_keys()) {
    CAPTURE(key);
    const Row* row = row_of(key);
    REQUIRE(row != nullptr);
    Fixture fixture;
    const auto [yaml, line, column] = written(key, row->wrong);
    const auto loaded = fixture.load(yaml);
    CHECK(loaded.config == nullptr);
    REQUIRE(loaded.problems.size() == 1);
    CHECK(to_string(loaded.problems[0]) == fixture.file() + ":" + std::to_string(line) + ":" +
                                               std::to_string(column + row->inside) + ": " + std::string(key) +
                                               std::string(row->message));
  }
}

TEST_CASE("each key is the one that is meant when a letter of it is missing") {
  for (const auto key : all_keys()) {
    CAPTURE(key);
    Fixture fixture;
    const std::string mistyped(key.substr(0, key.size() - 1));
    const auto line = std::to_string(1 + std::ranges::count(key, '.'));
    const auto dot = key.rfind('.');
    const auto column = dot == key.npos ? "1" : std::to_string(1 + 2 * std::ranges::count(key, '.'));
    CHECK(fixture.problems(written(mistyped, "1").yaml) ==
          std::vector<std::string>{line + ":" + column + ": unknown key '" + mistyped + "'; did you mean '" +
                                   std::string(key) + "'?"});
  }
}

TEST_CASE("each key says where a variable in it is not set") {
  for (const auto key : all_keys()) {
    if (key == "routers" || key == "upstream.resolve" || key == "record.bodies.rules" ||
        key == "record.redact.patterns" || key == "record.key_aliases") {
      continue;  // maps: their values are below
    }
    CAPTURE(key);
    Fixture fixture;
    const auto [yaml, line, column] = written(key, "${UNSET}");
    const auto loaded = fixture.load(yaml);
    REQUIRE_FALSE(loaded.problems.empty());
    CHECK(to_string(loaded.problems[0]) == fixture.file() + ":" + std::to_string(line) + ":" + std::to_string(column) +
                                               ": " + std::string(key) +
                                               " needs the environment variable UNSET, which is not set: set it, or "
                                               "write $${ for the characters themselves");
  }
  Fixture fixture;
  CHECK(fixture.problems("routers:\n- {path: /a/, upstream: \"${UNSET}\"}\n")[0].starts_with(
      "2:25: routers[0].upstream needs the environment variable UNSET"));
  CHECK(fixture.problems("upstream:\n  resolve: {\"h:1\": \"${UNSET}\"}\n")[0].starts_with(
      "2:20: upstream.resolve.h:1 needs the environment variable UNSET"));
  CHECK(fixture.problems("record:\n  key_aliases: {AKIAIOSFODNN7EXAMPLE: \"${UNSET}\"}\n")[0].find(
            "record.key_aliases.AKIAIOSFODNN7EXAMPLE needs the environment variable UNSET") != std::string::npos);
}

TEST_CASE("every wrong key of a file is told at once, in the order of the file") {
  std::string yaml;
  std::vector<std::string> wanted;
  int line = 0;
  for (const auto key : all_keys()) {
    if (key.find('.') != key.npos) continue;  // a section stands once; those are in the rows above
    const Row* row = row_of(key);
    REQUIRE(row != nullptr);
    yaml += std::string(key) + ": " + std::string(row->wrong) + "\n";
    wanted.push_back(std::to_string(++line) + ":" + std::to_string(key.size() + 3 + row->inside) + ": " +
                     std::string(key) + std::string(row->message));
  }
  Fixture fixture;
  REQUIRE(wanted.size() > 4);
  CHECK(fixture.problems(yaml) == wanted);
}

TEST_CASE("the place of every value that was given is kept") {
  Fixture fixture;
  const auto loaded = fixture.load(
      "limits:\n  connections: 5\nrouters:\n- path: /\n- path: /a/\n  upstream: http://h\n"
      "upstream: {resolve: {\"h:1\": \"127.0.0.1:2\"}}\n");
  REQUIRE(loaded.config != nullptr);
  const auto place = [&](const char* key) {
    const auto found = loaded.places.find(key);
    return found == loaded.places.end() ? std::string("none") : to_string(found->second);
  };
  const std::string file = fixture.file();
  CHECK(place("limits.connections") == file + ":2:16: ");
  CHECK(place("routers[1]") == file + ":5:3: ");
  CHECK(place("routers[1].upstream") == file + ":6:13: ");
  CHECK(place("upstream.resolve.h:1") == file + ":7:22: ");
  CHECK(place("limits.head_bytes") == "none");
}
