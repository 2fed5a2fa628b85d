// Request targets and authorities (RFC 9112 section 3.2, RFC 3986 section 3.2), split but never decoded or normalised.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace borehole::http {

// A host and port to compare and dial: lower case, without brackets and without one trailing dot.
struct Authority {
  std::string host;
  std::uint16_t port = 0;
  bool port_given = false;
  bool is_ip = false;  // an IPv4 or IPv6 literal

  friend bool operator==(const Authority& a, const Authority& b) { return a.host == b.host && a.port == b.port; }
};

// `host`, `host:port`, `[v6]`, `[v6]:port`; userinfo, empty hosts, ports out of range and other characters: nullopt.
std::optional<Authority> parse_authority(Bytes text, std::uint16_t default_port);
// "host:port", IPv6 in brackets.
std::string to_string(const Authority& authority);

enum class TargetForm : std::uint8_t { origin, absolute, authority, asterisk };

struct Target {
  TargetForm form = TargetForm::origin;
  Bytes scheme;     // absolute form: "http" or "https" as sent
  Bytes authority;  // absolute and authority form, as sent
  // Path and query as sent. In absolute form the path may be empty (RFC 3986 section 3.3): then this is empty or begins
  // with `?`, and in origin form it has a `/` in front (RFC 9112 section 3.2.1).
  Bytes origin;
};

// `method` matters for CONNECT (authority form) and OPTIONS (asterisk). nullopt: in none of the forms.
std::optional<Target> split_target(Bytes method, Bytes target);

// The path part of `Target::origin` (before `?`).
Bytes path_of(Bytes origin);

}  // namespace borehole::http
