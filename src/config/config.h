// The configuration as the program uses it: every key of conf/borehole.yaml, typed, defaults in place. Immutable once
// loaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_path.h"
#include "base/log.h"
#include "base/pattern.h"

namespace borehole::config {

using Millis = std::chrono::milliseconds;

struct HostPort {
  std::string host;  // IP literal or name, without brackets; lower case
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

struct Router {
  std::string path = "/";                              // prefix, matched on the raw target; ends in "/"
  std::string scheme;                                  // of the upstream: "https" or "http"; empty for the empty router
  std::optional<HostPort> upstream;                    // absent: the call names its own upstream
  std::map<std::string, std::string> require_headers;  // lower-case name → wanted value
};

struct PortRange {
  std::uint16_t first = 0, last = 0;
};

struct UpstreamProxy {
  HostPort address;
  std::string user, password;  // empty: no credentials
};

struct ResolveRule {  // as curl's --resolve, with another port allowed
  std::string host;   // `*` allowed within the name
  std::uint16_t port = 0;
  HostPort to;  // an IP literal and a port
};

struct Network {  // "10.0.0.0/8", "::1/128"
  std::string text;
};

// What of a body a record holds: the body, the SHA-256 of what would be kept of it, or nothing.
enum class BodyKeep : std::uint8_t { kept, hashed, off };

struct BodyRule {
  std::string model;   // `*` for any characters; empty: any
  std::string router;  // the path of one; empty: any
  BodyKeep keep = BodyKeep::kept;
};

struct RedactPattern {
  std::string name;
  Pattern pattern;
};

struct Config {
  std::string file;  // where it came from; empty for the built-in defaults

  std::vector<HostPort> listen{{"127.0.0.1", 5380}};
  std::optional<HostPort> admin{{"127.0.0.1", 5381}};  // absent: null, none
  unsigned workers = 0;                                // 0: auto
  struct {
    std::string dir;  // absolute
    int leaf_days = 7;
  } ca;
  std::optional<std::vector<std::string>> intercept;  // absent: every Bedrock endpoint
  std::vector<Router> routers;                        // at least the empty router
  struct {
    std::vector<std::string> ca_files;  // absolute
    std::vector<ResolveRule> resolve;
    std::vector<PortRange> ports{{80, 80}, {443, 443}, {1024, 65535}};
    std::optional<UpstreamProxy> proxy;
    Millis connect_timeout{10'000};
    Millis response_timeout{900'000};
    Millis idle_timeout{55'000};         // an idle pooled connection is closed after
    std::size_t idle_connections = 256;  // pooled per worker
    std::size_t warm_connections = 0;    // … of them kept open ahead of calls, for each host that was called lately
    bool allow_loopback = false;
  } upstream;
  struct {
    std::size_t head_bytes = 64 * 1024;
    std::size_t header_fields = 256;
    std::size_t header_line_bytes = 32 * 1024;
    std::size_t target_bytes = 16 * 1024;
    std::size_t connections = 20'000;
    std::optional<std::size_t> connections_per_address;  // 0: no limit; absent: one for clients on other machines
    std::optional<std::size_t> connections_per_second;   // the same
    std::size_t requests_per_connection = 0;             // 0: as many as it likes
    std::size_t h2_streams = 100;                        // at a time, of one HTTP/2 connection
    std::size_t buffered_bytes = 512 * 1024 * 1024;      // of messages on their way, of all connections
    Millis idle_timeout{120'000};
    Millis head_timeout{30'000};
    std::size_t body_bytes_per_second = 100;  // 0: a request body may come as slowly as it likes
    Millis drain_timeout{30'000};
  } limits;
  struct {
    std::optional<std::string> users_file;  // absolute
    std::vector<Network> allow_clients;
  } auth;
  struct {
    std::optional<std::string> store;                         // absolute
    std::optional<std::string> jsonl;                         // absolute, or "-"
    std::size_t jsonl_max_bytes = 0;                          // 0: it is not rotated
    int jsonl_files = 4;                                      // beside it, once it is
    std::optional<std::string> session_header{"session-id"};  // lower case; its value is a record's `session_id`
    std::optional<std::string> answer_header;        // as written; goes to the client with the record's id in it
    std::map<std::string, std::string> key_aliases;  // access key id, or name of an API key → its name for people
    std::size_t body_max_bytes = 1024 * 1024;
    BodyKeep body_keep = BodyKeep::kept;
    std::vector<BodyRule> body_rules;  // the first that fits counts; else body_keep
    struct {
      std::vector<JsonPath> json_paths;
      std::vector<RedactPattern> patterns;
      bool email = false, card = false, aws_key = false;
    } redact;
    std::vector<std::string> mask_headers{
        "authorization", "x-amz-security-token", "proxy-authorization", "cookie", "set-cookie", "api-key", "x-api-key"};
    bool strict_durability = false;
    int keep_days = 30;
    std::size_t keep_max_bytes = std::size_t{2} * 1024 * 1024 * 1024;
  } record;
  std::optional<std::string> prices;  // absolute
  struct {
    log::Level level = log::Level::info;
    log::Format format = log::Format::text;
  } log;
};

}  // namespace borehole::config
