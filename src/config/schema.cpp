#include "config/schema.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "config/nearest.h"
#include "config/redact_keys.h"

namespace borehole::config {
namespace {

using namespace std::chrono_literals;

// Parsers with bounds, for the table below.

auto number(std::uint64_t least, std::uint64_t most) {
  return [=](std::string_view text) { return parse_number(text, least, most); };
}

auto duration(Millis least, Millis most) {
  return [=](std::string_view text) -> Parsed<Millis> {
    auto parsed = parse_duration(text);
    if (parsed && (*parsed < least || *parsed > most))
      return unexpected(fmt::format("must be from {}ms to {}h", least.count(), most / 1h));
    return parsed;
  };
}

auto size(std::size_t least, std::size_t most) {
  return [=](std::string_view text) -> Parsed<std::size_t> {
    auto parsed = parse_size(text);
    if (parsed && (*parsed < least || *parsed > most))
      return unexpected(fmt::format("must be from {} to {} bytes", least, most));
    return parsed;
  };
}

template <class T, std::size_t N>
auto one_of(const std::array<std::pair<std::string_view, T>, N>& choices) {
  return [=](std::string_view text) -> Parsed<T> {
    std::string names;
    for (const auto& [name, value] : choices) {
      if (text == name) return value;
      names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
    }
    return unexpected(fmt::format("must be one of {}", names));
  };
}

auto listen_address = [](std::string_view text) { return parse_host_port(text, PortZero::allowed); };

// Files that must be there already are looked for here, so that `check` finds them too.
void must_be_readable(const Value& value, const std::string& path) {
  if (access(path.c_str(), R_OK) == 0) return;
  value.complain(
      fmt::format("names a file that cannot be read ({}): create it or mend the path", std::strerror(errno)));
}

void read_listen(const Value& value, Draft& draft) {
  std::vector<HostPort> addresses;
  if (!value.list_into(addresses, listen_address)) return;
  draft.listen.emplace(Place{value.source(), value.mark()});
  if (addresses.empty()) return value.complain("must name at least one address, such as 127.0.0.1:5380");
  for (auto one = addresses.begin(); one != addresses.end(); ++one)
    if (one->port != 0 && std::find(addresses.begin(), one, *one) != one)
      value.complain("names one address twice: remove one of the two");
  draft.config.listen = std::move(addresses);
}

void read_admin(const Value& value, Draft& draft) {
  if (value.into_or_null(draft.config.admin, listen_address)) draft.admin.emplace(Place{value.source(), value.mark()});
}

void read_workers(const Value& value, Draft& draft) {
  value.into(draft.config.workers, [](std::string_view text) -> Parsed<std::uint64_t> {
    if (text == "auto") return std::uint64_t{0};
    auto parsed = parse_number(text, 1, 256);
    if (!parsed) return unexpected(std::string("must be auto or a whole number from 1 to 256"));
    return parsed;
  });
}

void read_intercept(const Value& value, Draft& draft) {
  std::vector<std::string> patterns;
  if (value.list_into(patterns, parse_host_pattern)) draft.config.intercept = std::move(patterns);
}

void read_require_headers(const Value& value, Router& router) {
  bool good = true;
  for (const auto& pair : value.hidden().pairs(good)) {
    const auto name = parse_header_name(pair.key);
    if (!name) {
      value.source().complain(pair.key_mark,
                              fmt::format("{}: '{}' {}", value.key(), log::escaped(pair.key), name.error()));
      continue;
    }
    std::string wanted;
    if (!pair.value.into(wanted, parse_header_value)) continue;
    if (!router.require_headers.emplace(*name, std::move(wanted)).second)
      value.source().complain(pair.key_mark,
                              fmt::format("{} names '{}' twice: remove one of the two", value.key(), *name));
  }
}

// How one router's keys are read; the table's counterpart inside a list.
struct RouterDraft {
  Router router;
  bool has_path = false;
  std::optional<YAML::Mark> path_mark;
};

void read_router_key(const Value::Pair& pair, RouterDraft& draft) {
  if (pair.key == "path") {
    draft.has_path = true;
    if (pair.value.into(draft.router.path, parse_router_path)) draft.path_mark = pair.value.mark();
  } else if (pair.key == "upstream") {
    std::optional<Origin> origin;
    if (!pair.value.into_or_null(origin, parse_origin) || !origin) return;
    draft.router.scheme = origin->scheme;
    draft.router.upstream = origin->address;
  } else if (pair.key == "require_headers") {
    read_require_headers(pair.value, draft.router);
  } else {
    const auto meant = nearest(pair.key, {"path", "upstream", "require_headers"});
    pair.value.source().complain(
        pair.key_mark, meant ? fmt::format("unknown key '{}'; did you mean '{}'?", log::escaped(pair.key), *meant)
                             : fmt::format("unknown key '{}': a router has path, upstream and require_headers",
                                           log::escaped(pair.key)));
  }
}

void read_routers(const Value& value, Draft& draft) {
  bool good = true;
  std::vector<Router> routers;
  const auto items = value.items(good);
  if (!good) return;
  if (items.empty()) return value.complain("must hold at least one router, such as - path: /");
  for (const auto& item : items) {
    RouterDraft one;
    bool is_map = true;
    const auto pairs = item.pairs(is_map);
    draft.places.insert_or_assign(item.key(), item.place());
    for (const auto& pair : pairs) {
      draft.places.insert_or_assign(pair.value.key(), pair.value.place());
      read_router_key(pair, one);
    }
    if (!is_map && pairs.empty()) continue;
    if (!one.has_path)
      item.complain("lacks its path: add one that begins and ends with \"/\", such as /service/standard/");
    if (!one.path_mark) continue;
    if (one.router.path != "/" && !one.router.upstream &&
        std::ranges::none_of(pairs, [](const auto& pair) { return pair.key == "upstream"; }))
      item.complain("lacks its upstream: add the URL to forward to; only path \"/\" goes without");
    if (std::ranges::any_of(routers, [&](const Router& other) { return other.path == one.router.path; }))
      item.source().complain(
          *one.path_mark, fmt::format("{} has a path that another router already has: give each its own", item.key()));
    routers.push_back(std::move(one.router));
  }
  draft.config.routers = std::move(routers);
}

void read_ca_files(const Value& value, Draft& draft) {
  bool good = true;
  std::vector<std::string> files;
  for (const auto& item : value.items(good)) {
    std::string path;
    if (!item.path_into(path)) continue;
    must_be_readable(item, path);
    files.push_back(std::move(path));
  }
  if (good) draft.config.upstream.ca_files = std::move(files);
}

void read_resolve(const Value& value, Draft& draft) {
  bool good = true;
  std::vector<ResolveRule> rules;
  for (const auto& pair : value.pairs(good)) {
    auto rule = parse_resolve_from(pair.key);
    if (!rule) {
      value.source().complain(pair.key_mark,
                              fmt::format("{}: '{}' {}", value.key(), log::escaped(pair.key), rule.error()));
    } else if (std::ranges::any_of(rules,
                                   [&](const auto& r) { return r.host == rule->host && r.port == rule->port; })) {
      value.source().complain(pair.key_mark, fmt::format("{} names {}:{} twice: remove one of the two", value.key(),
                                                         rule->host, rule->port));
    } else if (pair.value.into(rule->to, parse_resolve_to)) {
      draft.places.insert_or_assign(fmt::format("{}.{}:{}", value.key(), rule->host, rule->port),
                                    value.source().at(pair.key_mark, {}));
      rules.push_back(*std::move(rule));
    }
  }
  if (good) draft.config.upstream.resolve = std::move(rules);
}

void read_ports(const Value& value, Draft& draft) {
  std::vector<PortRange> ports;
  if (!value.list_into(ports, parse_port_range)) return;
  if (ports.empty()) return value.complain("must allow at least one port, such as 443: with none no call can be made");
  draft.config.upstream.ports = std::move(ports);
}

void read_users_file(const Value& value, Draft& draft) {
  draft.users_file_given = !value.is_null();
  if (value.path_into_or_null(draft.config.auth.users_file) && draft.config.auth.users_file)
    must_be_readable(value, *draft.config.auth.users_file);
}

void read_jsonl(const Value& value, Draft& draft) {
  if (value.is_text("-"))
    draft.config.record.jsonl = "-";
  else
    value.path_into_or_null(draft.config.record.jsonl);
}

void read_key_aliases(const Value& value, Draft& draft) {
  bool good = true;
  std::map<std::string, std::string> aliases;
  for (const auto& pair : value.pairs(good)) {
    const auto key = parse_key_identity(pair.key);
    if (!key) {  // it may be a secret: not repeated
      value.source().complain(pair.key_mark, fmt::format("{}: a key here {}", value.key(), key.error()));
      good = false;
      continue;
    }
    std::string name;
    if (!pair.value.into(name, parse_key_alias)) {
      good = false;
    } else if (!aliases.emplace(*key, std::move(name)).second) {
      value.source().complain(pair.key_mark,
                              fmt::format("{} names {} twice: remove one of the two", value.key(), *key));
      good = false;
    }
  }
  if (good) draft.config.record.key_aliases = std::move(aliases);
}

void read_prices(const Value& value, Draft& draft) {
  draft.prices_given = true;
  if (value.path_into_or_null(draft.config.prices) && draft.config.prices)
    must_be_readable(value, *draft.config.prices);
}

constexpr std::array<std::pair<std::string_view, bool>, 2> durabilities{{{"batch", false}, {"strict", true}}};
constexpr std::array<std::pair<std::string_view, log::Level>, 5> levels{{{"debug", log::Level::debug},
                                                                         {"info", log::Level::info},
                                                                         {"warn", log::Level::warn},
                                                                         {"error", log::Level::error},
                                                                         {"off", log::Level::off}}};
constexpr std::array<std::pair<std::string_view, log::Format>, 2> formats{
    {{"text", log::Format::text}, {"json", log::Format::json}}};

void read_durability(const Value& value, Draft& draft) {
  value.into(draft.config.record.strict_durability, one_of(durabilities));
  draft.durability.emplace(Place{value.source(), value.mark()});
}

using Read = void (*)(const Value&, Draft&);
struct Key {
  std::string_view name;
  Read read;
};

// clang-format off
constexpr auto keys = std::to_array<Key>({
  {"listen", read_listen},
  {"admin", read_admin},
  {"workers", read_workers},
  {"ca.dir", [](const Value& v, Draft& d) { d.ca_dir_given = v.path_into(d.config.ca.dir); }},
  {"ca.leaf_days", [](const Value& v, Draft& d) { v.into(d.config.ca.leaf_days, number(1, 7)); }},
  {"intercept", read_intercept},
  {"routers", read_routers},
  {"upstream.ca_files", read_ca_files},
  {"upstream.resolve", read_resolve},
  {"upstream.ports", read_ports},
  {"upstream.proxy", [](const Value& v, Draft& d) { v.hidden().into_or_null(d.config.upstream.proxy, parse_proxy_url); }},
  {"upstream.connect_timeout", [](const Value& v, Draft& d) { v.into(d.config.upstream.connect_timeout, duration(1ms, 1h)); }},
  {"upstream.response_timeout", [](const Value& v, Draft& d) { v.into(d.config.upstream.response_timeout, duration(1ms, 24h)); }},
  {"upstream.idle_timeout", [](const Value& v, Draft& d) { v.into(d.config.upstream.idle_timeout, duration(1ms, 24h)); }},
  {"upstream.idle_connections", [](const Value& v, Draft& d) { v.into(d.config.upstream.idle_connections, number(0, 100'000)); }},
  {"upstream.warm_connections", [](const Value& v, Draft& d) { v.into(d.config.upstream.warm_connections, number(0, 100)); }},
  {"upstream.allow_loopback", [](const Value& v, Draft& d) { v.into(d.config.upstream.allow_loopback, parse_bool); }},
  {"limits.head_bytes", [](const Value& v, Draft& d) { v.into(d.config.limits.head_bytes, size(4 * kibi, 16 * kibi * kibi)); }},
  {"limits.header_fields", [](const Value& v, Draft& d) { v.into(d.config.limits.header_fields, number(16, 100'000)); }},
  {"limits.header_line_bytes", [](const Value& v, Draft& d) { v.into(d.config.limits.header_line_bytes, size(kibi, 16 * kibi * kibi)); }},
  {"limits.target_bytes", [](const Value& v, Draft& d) { v.into(d.config.limits.target_bytes, size(kibi, 16 * kibi * kibi)); }},
  {"limits.connections", [](const Value& v, Draft& d) { v.into(d.config.limits.connections, number(1, 1'000'000)); }},
  {"limits.connections_per_address", [](const Value& v, Draft& d) { v.into(d.config.limits.connections_per_address, number(0, 1'000'000)); }},
  {"limits.connections_per_second", [](const Value& v, Draft& d) { v.into(d.config.limits.connections_per_second, number(0, 1'000'000)); }},
  {"limits.requests_per_connection", [](const Value& v, Draft& d) { v.into(d.config.limits.requests_per_connection, number(0, 1'000'000'000)); }},
  {"limits.h2_streams", [](const Value& v, Draft& d) { v.into(d.config.limits.h2_streams, number(1, 10'000)); }},
  {"limits.buffered_bytes", [](const Value& v, Draft& d) { v.into(d.config.limits.buffered_bytes, size(kibi * kibi, kibi * kibi * kibi * kibi)); }},
  {"limits.idle_timeout", [](const Value& v, Draft& d) { v.into(d.config.limits.idle_timeout, duration(1ms, 24h)); }},
  {"limits.head_timeout", [](const Value& v, Draft& d) { v.into(d.config.limits.head_timeout, duration(1ms, 1h)); }},
  {"limits.body_bytes_per_second", [](const Value& v, Draft& d) { v.into(d.config.limits.body_bytes_per_second, number(0, 1'000'000)); }},
  {"limits.drain_timeout", [](const Value& v, Draft& d) { v.into(d.config.limits.drain_timeout, duration(0ms, 24h)); }},
  {"auth.users_file", read_users_file},
  {"auth.allow_clients", [](const Value& v, Draft& d) { v.list_into(d.config.auth.allow_clients, parse_network); }},
  {"record.store", [](const Value& v, Draft& d) { d.store_given = v.path_into_or_null(d.config.record.store); }},
  {"record.jsonl", read_jsonl},
  {"record.jsonl_max_bytes", [](const Value& v, Draft& d) { v.into(d.config.record.jsonl_max_bytes, size(0, std::size_t{1} << 50)); }},
  {"record.jsonl_files", [](const Value& v, Draft& d) { v.into(d.config.record.jsonl_files, number(1, 1000)); }},
  {"record.session_header", [](const Value& v, Draft& d) { v.into_or_null(d.config.record.session_header, parse_header_name); }},
  {"record.key_aliases", read_key_aliases},
  {"record.answer_header", [](const Value& v, Draft& d) { v.into_or_null(d.config.record.answer_header, parse_answer_header); }},
  {"record.bodies.max_bytes", [](const Value& v, Draft& d) { v.into(d.config.record.body_max_bytes, size(0, kibi * kibi * kibi)); }},
  {"record.bodies.keep", read_body_keep},
  {"record.bodies.rules", read_body_rules},
  {"record.redact.json_paths", read_json_paths},
  {"record.redact.patterns", read_patterns},
  {"record.redact.builtin", read_builtin},
  {"record.mask_headers", [](const Value& v, Draft& d) { v.list_into(d.config.record.mask_headers, parse_header_name); }},
  {"record.durability", read_durability},
  {"record.keep.days", [](const Value& v, Draft& d) { v.into(d.config.record.keep_days, number(1, 36'500)); }},
  {"record.keep.max_bytes", [](const Value& v, Draft& d) { v.into(d.config.record.keep_max_bytes, size(kibi * kibi, std::size_t{1} << 50)); }},
  {"prices", read_prices},
  {"log.level", [](const Value& v, Draft& d) { v.into(d.config.log.level, one_of(levels)); }},
  {"log.format", [](const Value& v, Draft& d) { v.into(d.config.log.format, one_of(formats)); }},
});
// clang-format on

// `key` is a section if some key lies below it.
bool is_section(std::string_view key) {
  return std::ranges::any_of(keys, [&](const Key& k) {
    return k.name.size() > key.size() && k.name.starts_with(key) && k.name[key.size()] == '.';
  });
}

// What was meant by a key that does not exist: the nearest in the same section; else the same name in another one.
std::string unknown_key(std::string_view key) {
  const auto dot = key.rfind('.');
  const auto section = dot == key.npos ? std::string_view() : key.substr(0, dot + 1);
  const auto own = key.substr(section.size());
  std::vector<std::string_view> names;
  for (const Key& k : keys) {
    if (!k.name.starts_with(section)) continue;
    const auto name = k.name.substr(section.size());
    names.push_back(name.substr(0, name.find('.')));
  }
  if (const auto meant = nearest(own, names))
    return fmt::format("unknown key '{}'; did you mean '{}{}'?", log::escaped(key), section, *meant);
  for (const Key& k : keys)
    if (k.name.ends_with(own) && (k.name.size() == own.size() || k.name[k.name.size() - own.size() - 1] == '.'))
      return fmt::format("unknown key '{}'; did you mean '{}'?", log::escaped(key), k.name);
  if (const auto meant = nearest(key, all_keys()))
    return fmt::format("unknown key '{}'; did you mean '{}'?", log::escaped(key), *meant);
  return fmt::format("unknown key '{}': remove it, or see conf/borehole.yaml for those there are", log::escaped(key));
}

void read_section(const Value& section, Draft& draft);

void read_known(std::string_view key, YAML::Mark key_mark, const Value& value, Draft& draft) {
  const auto known = std::ranges::find(keys, key, &Key::name);
  if (known != keys.end()) {
    draft.places.insert_or_assign(std::string(key), value.place());
    known->read(value, draft);
  } else if (is_section(key)) {
    read_section(value, draft);
  } else {
    value.source().complain(key_mark, unknown_key(key));
  }
}

void read_section(const Value& section, Draft& draft) {
  if (section.is_null()) return;  // a heading whose keys are all commented out
  bool good = true;
  for (const auto& pair : section.pairs(good)) read_known(pair.value.key(), pair.key_mark, pair.value, draft);
}

}  // namespace

void read_document(const Value& root, Draft& draft) { read_section(root, draft); }

void read_key(std::string_view dotted, const Value& value, Draft& draft) {
  read_known(dotted, value.mark(), value, draft);
}

std::vector<std::string_view> all_keys() {
  std::vector<std::string_view> names;
  names.reserve(std::size(keys));
  for (const Key& key : keys) names.push_back(key.name);
  return names;
}

}  // namespace borehole::config
