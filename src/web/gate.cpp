#include "web/gate.h"

#include <algorithm>
#include <array>

#include "http/target.h"

namespace borehole::web {

namespace {

bool host_allowed(const http::RequestHead& head, const std::string& listen_host) {
  const auto field = head.find("host");
  if (!field) return true;  // HTTP/1.0: no browser speaks it
  const auto authority = http::parse_authority(*field, 80);
  return authority && (authority->is_ip || authority->host == "localhost" || authority->host.ends_with(".localhost") ||
                       authority->host == listen_host);
}

// RFC 6454 section 7: scheme, host and port, or "null". Ours is the Host that was asked, over http.
bool origin_allowed(const http::RequestHead& head) {
  constexpr Bytes scheme = "http://";
  for (std::size_t i = 0; i < head.field_count(); ++i) {
    if (!http::same_name(head.name(i), "origin")) continue;
    const Bytes origin = head.value(i);
    const auto host = head.find("host");
    if (!host || !origin.starts_with(scheme)) return false;
    const auto theirs = http::parse_authority(origin.substr(scheme.size()), 80);
    const auto ours = http::parse_authority(*host, 80);
    if (!theirs || !ours || !(*theirs == *ours)) return false;
  }
  return true;
}

bool open_to_all(Bytes path) {
  static constexpr std::array<Bytes, 5> open{"/healthz", "/readyz", "/ca.pem", "/ca.der", "/bundle.pem"};
  return std::find(open.begin(), open.end(), path) != open.end();
}

Response closing(Response response) {
  response.close = true;
  return response;
}

}  // namespace

std::optional<Bytes> credentials_of(const http::RequestHead& head, const GateRules& rules) {
  return rules.users ? head.find("authorization") : std::nullopt;
}

bool is_user(Asker asker) noexcept { return asker == config::UsersFile::Verdict::right; }

bool trusted(const GateRules& rules, Asker asker) noexcept { return !rules.users_only || is_user(asker); }

std::optional<Response> refuse_form(const http::RequestHead& head, http::Framing framing, std::uint64_t content_length,
                                    const GateRules& rules) {
  if (!host_allowed(head, rules.listen_host))
    return closing(text_response(403, "This Host is not the admin port's; use localhost."));
  if (!origin_allowed(head))
    return closing(text_response(403, "Pages of other origins may not ask here; open the admin port's own address."));
  if (head.method() != "GET" && head.method() != "HEAD") {
    auto response = closing(text_response(405, "Only GET and HEAD; nothing can be changed here."));
    response.fields = "allow: GET, HEAD\r\n";
    return response;
  }
  if (framing == http::Framing::chunked || content_length > 0)
    return closing(text_response(413, "Requests have no body here; send the head alone."));
  return std::nullopt;
}

std::optional<Response> refuse_stranger(Bytes path, const GateRules& rules, Asker asker) {
  if (open_to_all(path) || trusted(rules, asker)) return std::nullopt;
  if (asker == config::UsersFile::Verdict::too_many_guesses) {
    return text_response(429, "Too many wrong passwords came from this address; try again in some seconds.");
  }
  auto response = text_response(
      401, "This port is open to other machines and wants a name and password of `auth.users_file` (Basic).");
  response.fields = "www-authenticate: Basic realm=\"borehole\", charset=\"UTF-8\"\r\n";
  return response;
}

}  // namespace borehole::web
