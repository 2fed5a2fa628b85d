#include "proxy/route.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "bedrock/sigv4_view.h"

namespace borehole::proxy {

namespace {

Error refuse(ErrorCode code, std::string detail) { return {code, Fault::client, std::move(detail)}; }

bool is_loopback_name(const std::string& host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "::1" || host.starts_with("127.");
}

bool is_own(const http::Authority& authority, const Surroundings& at) {
  return authority.port == at.local_port && (is_loopback_name(authority.host) || authority.host == at.local_ip);
}

std::uint16_t default_port(const Surroundings& at) { return at.over_tls ? 443 : 80; }

// `application/json` is met by `Application/JSON; charset=utf-8` (RFC 9110 section 8.3.1). Values
// compare ignoring case.
bool value_meets(Bytes value, Bytes wanted) {
  if (http::same_name(value, wanted)) return true;
  const auto semicolon = value.find(';');
  if (semicolon == Bytes::npos || wanted.find(';') != Bytes::npos) return false;
  Bytes type = value.substr(0, semicolon);
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return http::same_name(type, wanted);
}

bool headers_meet(const http::RequestHead& head, const config::Router& router) {
  return std::all_of(router.require_headers.begin(), router.require_headers.end(), [&](const auto& wanted) {
    const auto value = head.find(wanted.first);
    return value && value_meets(*value, wanted.second);
  });
}

std::string describe(const config::Router& router) {
  std::string text = router.path;
  if (router.upstream) {
    text += fmt::format(" (to {}://{}:{})", router.scheme, router.upstream->host, router.upstream->port);
  } else {
    text += " (calls that come through HTTPS_PROXY)";
  }
  for (const auto& [name, value] : router.require_headers) text += fmt::format(" with {}: {}", name, value);
  return text;
}

Error no_route(Bytes path, const Policy& policy, const config::Router* near_miss) {
  std::string known;
  for (const auto& router : policy.config->routers) known += (known.empty() ? "" : ", ") + describe(router);
  if (near_miss != nullptr) {
    return refuse(ErrorCode::header_required, fmt::format("router {} wants headers that this request does not have; "
                                                          "send them, or change `require_headers`. Routers: {}",
                                                          near_miss->path, known));
  }
  return refuse(ErrorCode::no_route,
                fmt::format("no router matches {}; use one of these paths, or add one to `routers`: {}", path, known));
}

// The longest matching prefix whose conditions hold, on the raw path.
const config::Router* find_router(const http::RequestHead& head, Bytes origin, const Policy& policy, bool with_upstream,
                                  const config::Router** near_miss) {
  const config::Router* best = nullptr;
  for (const auto& router : policy.config->routers) {
    if (router.upstream.has_value() != with_upstream || !origin.starts_with(router.path)) continue;
    if (!headers_meet(head, router)) {
      *near_miss = &router;
    } else if (best == nullptr || router.path.size() > best->path.size()) {
      best = &router;
    }
  }
  return best;
}

std::string as_origin_form(Bytes method, const http::Target& target) {
  if (target.origin.empty()) return method == "OPTIONS" ? "*" : "/";  // RFC 9112 section 3.2.4
  if (target.origin.front() != '/') return "/" + std::string(target.origin);
  return std::string(target.origin);
}

std::optional<std::size_t> host_field(const http::RequestHead& head) {
  for (std::size_t i = 0; i < head.field_count(); ++i) {
    if (http::same_name(head.name(i), "host")) return i;
  }
  return std::nullopt;
}

}  // namespace

Result<void> check_reachable(const http::Authority& authority, const Surroundings& at, const Policy& policy) {
  if (is_own(authority, at)) {
    return unexpected(refuse(
        ErrorCode::proxy_loop,
        fmt::format("{} is borehole itself; call the host you mean, or a gateway path such as /service/standard/",
                    http::to_string(authority))));
  }
  if (!policy.port_allowed(authority.port)) {
    return unexpected(refuse(
        ErrorCode::port_not_allowed,
        fmt::format("port {} is not among `upstream.ports`; add it there if clients may reach it", authority.port)));
  }
  return {};
}

namespace {

// A call that names its own upstream belongs to a router without one: the empty router.
Result<Route> own_upstream(const http::RequestHead& head, Bytes origin, const Policy& policy, calls::WayIn way_in,
                           UpstreamTarget target) {
  const config::Router* near_miss = nullptr;
  const auto* router =
      find_router(head, origin.empty() || origin.front() != '/' ? Bytes("/") : origin, policy, false, &near_miss);
  if (router == nullptr) return unexpected(no_route(http::path_of(origin), policy, near_miss));
  Route route;
  route.way_in = way_in;
  route.router = router->path;
  route.target = std::move(target);
  return route;
}

Result<Route> inside_origin(const http::RequestHead& head, const http::Target& target, const Surroundings& at,
                            const Policy& policy) {
  const Surroundings::Origin& origin = *at.origin;
  const auto mismatch = [&](Bytes other) {
    return refuse(
        ErrorCode::host_mismatch,
        fmt::format("this connection was opened for {}, the request names {}; send it on a connection of its own",
                    http::to_string(origin.authority), other));
  };
  const auto same_host = [&](Bytes text) {
    const auto authority = http::parse_authority(text, 443);
    if (!authority || authority->host != origin.authority.host) return false;
    // A client that was pointed here by a hosts file names our port.
    const bool own_port = origin.way_in == calls::WayIn::direct && authority->port == at.local_port;
    return own_port || authority->port == origin.authority.port;
  };
  if (target.form == http::TargetForm::absolute &&
      (!http::same_name(target.scheme, "https") || !same_host(target.authority))) {
    return unexpected(mismatch(head.target()));
  }
  if (const auto host = head.find("host"); host && !same_host(*host)) return unexpected(mismatch(*host));
  auto route = own_upstream(head, target.origin, policy, origin.way_in, origin.target);
  if (route && target.form == http::TargetForm::absolute) route->edit.target = as_origin_form(head.method(), target);
  return route;
}

Result<Route> gateway(const http::RequestHead& head, const http::Target& target, const Surroundings& at,
                      const Policy& policy) {
  const config::Router* near_miss = nullptr;
  const auto* router = find_router(head, target.origin, policy, true, &near_miss);
  const auto host_text = head.find("host");
  std::optional<http::Authority> host;
  if (host_text) host = http::parse_authority(*host_text, default_port(at));
  const bool host_intercepted = host && policy.intercepts(host->host);

  if (router == nullptr) {
    // A request that names a Bedrock host in Host only: the client was pointed here by DNS or a hosts file.
    if (!host_intercepted || near_miss != nullptr)
      return unexpected(no_route(http::path_of(target.origin), policy, near_miss));
    UpstreamTarget upstream{host->host,
                            host->port_given && host->port != at.local_port ? host->port : std::uint16_t{443}, true,
                            host->host, false};
    if (auto ok = check_reachable({upstream.host, upstream.port, true, false}, at, policy); !ok)
      return unexpected(std::move(ok).error());
    return own_upstream(head, target.origin, policy, calls::WayIn::gateway, std::move(upstream));
  }

  Route route;
  route.way_in = calls::WayIn::gateway;
  route.router = router->path;
  route.edit.target = std::string(target.origin.substr(router->path.size() - 1));
  const bool tls = router->scheme == "https";
  route.target = {router->upstream->host, router->upstream->port, tls, router->upstream->host, true};
  if (!host) return route;  // HTTP/1.0 without Host: nothing is added

  const std::uint16_t upstream_default = tls ? 443 : 80;
  const auto for_upstream = http::parse_authority(*host_text, upstream_default);
  if (for_upstream && for_upstream->host == router->upstream->host && for_upstream->port == router->upstream->port)
    return route;
  if (host_intercepted) {
    const std::uint16_t port = host->port_given ? host->port : std::uint16_t{443};
    route.target = {host->host, port, true, host->host, false};
    if (auto ok = check_reachable({host->host, port, true, false}, at, policy); !ok)
      return unexpected(std::move(ok).error());
    return route;
  }
  // A published port of a container or a tunnel is another than ours: a loopback name is the proxy's own all the same.
  if (host->port == at.local_port || is_loopback_name(host->host)) {
    const auto& upstream = *router->upstream;
    std::string value =
        upstream.host.find(':') != std::string::npos ? fmt::format("[{}]", upstream.host) : upstream.host;
    if (upstream.port != upstream_default) value += fmt::format(":{}", upstream.port);
    route.notes.push_back(fmt::format("Host: {} is borehole's own address and was replaced by {}", *host_text, value));
    route.edit.replaced_values.push_back({*host_field(head), std::move(value)});
    return route;
  }
  return unexpected(
      refuse(ErrorCode::host_not_allowed, fmt::format("Host: {} is neither the upstream of router {} nor an "
                                                      "intercepted host; sign for {} or leave Host to the HTTP library",
                                                      *host_text, router->path, router->upstream->host)));
}

}  // namespace

Result<Route> route_request(const http::RequestHead& head, const Surroundings& at, const Policy& policy) {
  const auto target = http::split_target(head.method(), head.target());
  if (!target || target->form == http::TargetForm::authority) {
    return unexpected(
        refuse(ErrorCode::malformed_request, "the request target has none of the forms of RFC 9112 section 3.2"));
  }
  if (at.origin) return inside_origin(head, *target, at, policy);
  if (target->form != http::TargetForm::absolute) return gateway(head, *target, at, policy);

  const bool tls = http::same_name(target->scheme, "https");
  if (!tls && !http::same_name(target->scheme, "http")) {
    return unexpected(
        refuse(ErrorCode::malformed_request,
               fmt::format("the scheme {} cannot be forwarded; only http and https can", target->scheme)));
  }
  const auto authority = http::parse_authority(target->authority, tls ? 443 : 80);
  if (!authority)
    return unexpected(refuse(ErrorCode::malformed_request, "the authority of the request target is no host[:port]"));
  if (is_own(*authority, at)) {
    // A program that posts to a gateway path while HTTP_PROXY is set.
    const config::Router* near_miss = nullptr;
    if (find_router(head, target->origin, policy, true, &near_miss) != nullptr)
      return gateway(head, *target, at, policy);
  }
  if (auto ok = check_reachable(*authority, at, policy); !ok) return unexpected(std::move(ok).error());
  auto route = own_upstream(head, target->origin, policy, calls::WayIn::absolute,
                            {authority->host, authority->port, tls, authority->host, false});
  if (route) route->edit.target = as_origin_form(head.method(), *target);
  return route;
}

Result<ConnectRoute> route_connect(const http::RequestHead& head, const Surroundings& at, const Policy& policy) {
  const auto authority = http::parse_authority(head.target(), 443);
  if (!authority || !authority->port_given) {
    return unexpected(refuse(ErrorCode::malformed_request, "CONNECT wants host:port (RFC 9112 section 3.2.3)"));
  }
  if (const auto host = head.find("host")) {
    const auto named = http::parse_authority(*host, authority->port);
    if (!named || named->host != authority->host || named->port != authority->port) {
      return unexpected(
          refuse(ErrorCode::host_mismatch, fmt::format("CONNECT names {}, its Host field {}; send the same in both",
                                                       http::to_string(*authority), *host)));
    }
  }
  if (auto ok = check_reachable(*authority, at, policy); !ok) return unexpected(std::move(ok).error());
  return ConnectRoute{*authority, policy.intercepts(authority->host)};
}

void take_away_hop_by_hop(const http::RequestHead& head, http::HeadEdit& edit, std::vector<std::string>& notes) {
  static constexpr std::array<Bytes, 4> kept{"upgrade", "host", "content-length", "transfer-encoding"};
  const bool names_any = head.find("connection").has_value();
  const auto goes = [&](Bytes name) {
    if (http::same_name(name, "proxy-connection") || http::same_name(name, "proxy-authorization")) return true;
    if (!names_any || http::same_name(name, "connection") || !head.has_token("connection", name)) return false;
    return std::none_of(kept.begin(), kept.end(), [&](Bytes k) { return http::same_name(name, k); });
  };
  std::optional<bedrock::SignatureView> signature;
  for (std::size_t i = 0; i < head.field_count(); ++i) {
    if (!goes(head.name(i))) continue;
    if (!signature) {
      std::vector<bedrock::Field> fields;
      for (std::size_t k = 0; k < head.field_count(); ++k) fields.emplace_back(head.name(k), head.value(k));
      signature = bedrock::read_signature(head.target(), fields);
    }
    if (bedrock::is_signed_header(*signature, head.name(i))) {
      notes.push_back(
          fmt::format("{} is signed and was passed on, though it is meant for one connection only", head.name(i)));
    } else {
      edit.removed_fields.push_back(i);
    }
  }
}

}  // namespace borehole::proxy
