#include "catch.h"
#include "config/schema.h"
#include "fixture.h"

using namespace borehole::config;

namespace {

std::string read_whole(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Everything of a configuration as text, so that two can be compared.
std::string described(const Config& c) {
  std::string text;
  const auto add = [&text](const auto&... parts) { ((text += parts, text += '|'), ...), text += '\n'; };
  const auto num = [](auto n) { return std::to_string(n); };
  const auto at = [](const std::optional<HostPort>& a) { return a ? a->host + " " + std::to_string(a->port) : "none"; };
  for (const auto& one : c.listen) add("listen", at(one));
  add("admin", at(c.admin), "workers", num(c.workers), "ca", c.ca.dir, num(c.ca.leaf_days));
  add("intercept", c.intercept ? num(c.intercept->size()) : "default");
  for (const auto& one : c.routers)
    add("router", one.path, one.scheme, at(one.upstream), num(one.require_headers.size()));
  add("files", num(c.upstream.ca_files.size()), "resolve", num(c.upstream.resolve.size()));
  for (const auto& one : c.upstream.ports) add("ports", num(one.first), num(one.last));
  add("proxy", c.upstream.proxy ? "some" : "none", num(c.upstream.connect_timeout.count()),
      num(c.upstream.response_timeout.count()), num(c.upstream.idle_timeout.count()), num(c.upstream.idle_connections),
      num(c.upstream.warm_connections), num(c.upstream.allow_loopback));
  add("limits", num(c.limits.head_bytes), num(c.limits.connections), num(c.limits.h2_streams),
      num(c.limits.idle_timeout.count()), num(c.limits.head_timeout.count()), num(c.limits.drain_timeout.count()),
      num(c.limits.header_fields), num(c.limits.header_line_bytes), num(c.limits.buffered_bytes),
      num(c.limits.target_bytes), num(c.limits.requests_per_connection), num(c.limits.body_bytes_per_second),
      c.limits.connections_per_address ? "some" : "none", c.limits.connections_per_second ? "some" : "none");
  add("auth", c.auth.users_file.value_or("none"), num(c.auth.allow_clients.size()));
  add("record", c.record.store.value_or("none"), c.record.jsonl.value_or("none"), num(c.record.jsonl_max_bytes),
      num(c.record.jsonl_files), c.record.session_header.value_or("none"), c.record.answer_header.value_or("none"),
      num(c.record.body_max_bytes), num(c.record.strict_durability), num(c.record.keep_days),
      num(c.record.keep_max_bytes));
  const auto& redact = c.record.redact;
  add("bodies", num(static_cast<int>(c.record.body_keep)), num(c.record.body_rules.size()), "redact",
      num(redact.json_paths.size()), num(redact.patterns.size()), num(redact.email), num(redact.card),
      num(redact.aws_key));
  for (const auto& one : c.record.mask_headers) add("mask", one);
  for (const auto& [key, name] : c.record.key_aliases) add("alias", key, name);
  add("prices", c.prices.value_or("none"), "log", num(static_cast<int>(c.log.level)),
      num(static_cast<int>(c.log.format)));
  return text;
}

}  // namespace

TEST_CASE("conf/borehole.yaml loads and says what would apply without it") {
  Fixture fixture;
  const auto defaults = fixture.good("");
  CHECK(described(fixture.good(read_whole(BOREHOLE_CONF_FILE))) == described(defaults));
  CHECK(described(fixture.good("workers: 2\n")) != described(defaults));  // the description tells things apart
}

TEST_CASE("conf/borehole.yaml holds every key, and its commented-out ones load as well") {
  Fixture fixture;
  std::string text = read_whole(BOREHOLE_CONF_FILE);
  for (const std::string line : {"# intercept: [", "# proxy: null", "# users_file: null", "# jsonl: null",
                                 "# answer_header: null", "# key_aliases: {", "# rules: [", "# require_headers: {",
                                 "# prices: ", "# connections_per_address: ", "# connections_per_second: "}) {
    CAPTURE(line);
    const auto place = text.find(line);
    REQUIRE(place != text.npos);
    text.erase(place, 2);
  }
  fixture.write("conf/prices.yaml", "");
  const auto config = fixture.good(text);
  CHECK(config.prices == fixture.folder() + "/conf/prices.yaml");
  CHECK(config.routers[1].require_headers.at("content-type") == "application/json");
  for (const auto key : all_keys()) {
    CAPTURE(key);
    const auto name = std::string(key.substr(key.rfind('.') + 1)) + ":";
    CHECK((text.starts_with(name) || text.find("\n" + name) != text.npos || text.find(" " + name) != text.npos));
  }
}
