// Judges a request that was passed on by the one that was received, as a second reading of both has them: what may
// differ is what the README and RFC 9110 section 7.6.1 say, and everything else is the same octets.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "rfc9112.h"

namespace borehole::rfc9112 {

struct RequestLine {
  std::string_view method, target, version;
};

inline RequestLine request_line(const Message& message) {
  const std::string_view line = message.start_line;
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return {line, {}, {}};
  return {line.substr(0, first), line.substr(first + 1, last - first - 1), line.substr(last + 1)};
}

// A path under which requests are taken for an upstream, by name and, in Host, as it is written there.
struct Gateway {
  std::string prefix;  // "/s/"
  std::string host;
};

// "scheme://authority" of a target in absolute form; empty: it is in another.
inline std::string_view before_path(std::string_view target) {
  const auto scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return {};
  return target.substr(0, std::min(target.find_first_of("/?", scheme + 3), target.size()));
}

inline bool is_target_of(std::string_view sent, const RequestLine& received, const std::vector<Gateway>& gateways) {
  const std::string_view authority = before_path(received.target);
  const std::string_view origin = received.target.substr(authority.size());
  if (sent == (authority.empty() ? received.target : origin)) return !sent.empty();
  if (!authority.empty()) {
    if (origin.empty() && sent == (received.method == "OPTIONS" ? "*" : "/")) return true;
    if (origin.starts_with('?') && sent == "/" + std::string(origin)) return true;
  }
  return std::any_of(gateways.begin(), gateways.end(), [&](const Gateway& gateway) {
    return origin.starts_with(gateway.prefix) && sent == origin.substr(gateway.prefix.size() - 1);
  });
}

inline bool is_hop_by_hop(const Message& received, std::string_view name) {
  static constexpr std::array<std::string_view, 5> kept{"connection", "upgrade", "host", "content-length",
                                                        "transfer-encoding"};
  const std::string lowered = lower(name);
  if (lowered == "proxy-connection" || lowered == "proxy-authorization") return true;
  const auto named = members(received, "connection");
  return std::find(named.begin(), named.end(), lowered) != named.end() &&
         std::find(kept.begin(), kept.end(), lowered) == kept.end();
}

// Why `sent` is no faithful copy of `received`'s head; null: it is one.
inline const char* head_fault(const Message& received, const Message& sent, const std::vector<Gateway>& gateways) {
  const RequestLine was = request_line(received), is = request_line(sent);
  if (is.method != was.method || is.version != was.version) return "method and version stay";
  if (!is_target_of(is.target, was, gateways)) return "a target is cut at its front, or stays";
  std::size_t at = 0;
  for (const Field& field : received.fields) {
    const bool may_go = is_hop_by_hop(received, field.name);
    const bool stands = at < sent.fields.size() && sent.fields[at].line == field.line;
    if (stands && may_go) {
      const std::string all = lower(received.head);
      if (all.find("signedheaders") == std::string::npos) return "what is for one connection is not passed on";
    }
    if (stands) {
      ++at;
      continue;
    }
    if (may_go) continue;
    if (lower(field.name) != "host" || at == sent.fields.size() || sent.fields[at].name != field.name) {
      return "no other field is taken away, added or altered";
    }
    const bool known = std::any_of(gateways.begin(), gateways.end(), [&](const Gateway& gateway) {
      return sent.fields[at].value == gateway.host && was.target.find(gateway.prefix) != std::string_view::npos;
    });
    if (!known) return "a Host is replaced by a configured upstream's name only";
    ++at;
  }
  return at == sent.fields.size() ? nullptr : "no field is added";
}

}  // namespace borehole::rfc9112
