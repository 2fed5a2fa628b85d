#include "app/reload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/scalars.h"

namespace borehole::app {

namespace {

using config::Config;

struct Fixed {
  std::string_view key;
  bool (*differs)(const Config& a, const Config& b);
};

constexpr auto fixed = std::to_array<Fixed>({
    {"listen", [](const Config& a, const Config& b) { return a.listen != b.listen; }},
    {"admin", [](const Config& a, const Config& b) { return a.admin != b.admin; }},
    {"workers", [](const Config& a, const Config& b) { return a.workers != b.workers; }},
    {"ca.dir", [](const Config& a, const Config& b) { return a.ca.dir != b.ca.dir; }},
    {"ca.leaf_days", [](const Config& a, const Config& b) { return a.ca.leaf_days != b.ca.leaf_days; }},
    {"record.store", [](const Config& a, const Config& b) { return a.record.store != b.record.store; }},
    {"record.jsonl", [](const Config& a, const Config& b) { return a.record.jsonl != b.record.jsonl; }},
    {"record.jsonl_max_bytes",
     [](const Config& a, const Config& b) { return a.record.jsonl_max_bytes != b.record.jsonl_max_bytes; }},
    {"record.jsonl_files",
     [](const Config& a, const Config& b) { return a.record.jsonl_files != b.record.jsonl_files; }},
    {"record.durability",
     [](const Config& a, const Config& b) { return a.record.strict_durability != b.record.strict_durability; }},
});

bool is_open(const config::HostPort& address) { return !config::is_loopback(address.host); }

}  // namespace

std::vector<std::string_view> reloadable_keys() {
  return {"intercept",
          "routers",
          "upstream.ca_files",
          "upstream.resolve",
          "upstream.ports",
          "upstream.proxy",
          "upstream.connect_timeout",
          "upstream.response_timeout",
          "upstream.idle_timeout",
          "upstream.idle_connections",
          "upstream.warm_connections",
          "upstream.allow_loopback",
          "limits.h2_streams",
          "limits.head_bytes",
          "limits.buffered_bytes",
          "limits.header_fields",
          "limits.header_line_bytes",
          "limits.target_bytes",
          "limits.connections",
          "limits.connections_per_address",
          "limits.connections_per_second",
          "limits.requests_per_connection",
          "limits.idle_timeout",
          "limits.head_timeout",
          "limits.body_bytes_per_second",
          "limits.drain_timeout",
          "auth.users_file",
          "auth.allow_clients",
          "record.session_header",
          "record.answer_header",
          "record.key_aliases",
          "record.bodies.max_bytes",
          "record.bodies.keep",
          "record.bodies.rules",
          "record.redact.json_paths",
          "record.redact.patterns",
          "record.redact.builtin",
          "record.mask_headers",
          "record.keep.days",
          "record.keep.max_bytes",
          "prices",
          "log.level",
          "log.format"};
}

std::vector<std::string_view> restart_keys() {
  std::vector<std::string_view> keys;
  keys.reserve(fixed.size());
  for (const Fixed& one : fixed) keys.push_back(one.key);
  return keys;
}

std::string waits_for_restart(const Config& running, const Config& next) {
  std::string keys;
  std::size_t count = 0;
  for (const Fixed& one : fixed) {
    if (!one.differs(running, next)) continue;
    keys += fmt::format("{}{}", count == 0 ? "" : ", ", one.key);
    ++count;
  }
  if (count == 0) return {};
  return fmt::format("{} {} changed, which a running proxy keeps as {}: restart to apply", keys,
                     count == 1 ? "has" : "have", count == 1 ? "it was" : "they were");
}

std::string would_let_in(const Config& running, const Config& next) {
  constexpr std::string_view sentence =
      "{} of the running proxy is reachable from other machines until it is restarted, and {} would be empty: set {}, "
      "or restart";
  if (next.auth.users_file) return {};
  if (next.auth.allow_clients.empty() && std::ranges::any_of(running.listen, is_open))
    return fmt::format(sentence, "`listen`", "`auth`", "auth.users_file or auth.allow_clients");
  if (running.admin && is_open(*running.admin))
    return fmt::format(sentence, "`admin`", "auth.users_file", "auth.users_file");
  return {};
}

}  // namespace borehole::app
