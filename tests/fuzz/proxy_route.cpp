// Fuzzes routing: of every request that is let through, a second reading says where it may go and what of its head may
// differ. Never accepts a way past the name that a certificate was made for, the ports, or to borehole itself.
//
// The input's first octet chooses where the request was read: 0 the plain port, 1 the port over TLS, 2 inside a
// CONNECT, 3 inside a direct call; a head follows.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "forwarded.h"
#include "http/head_indexer.h"
#include "http/validate_head.h"
#include "invariant.h"
#include "proxy/route.h"

using namespace borehole;
using namespace borehole::proxy;

namespace {

const std::string east = "bedrock-runtime.us-east-1.amazonaws.com";
const std::vector<rfc9112::Gateway> gateways{
    {"/s/", east}, {"/s/plain/", "model.internal:8000"}, {"/v6/", "[2001:db8::1]"}};
constexpr std::uint16_t own_port = 5380;

std::shared_ptr<const Policy> policy() {
  static const auto made = [] {
    config::Config config;
    config.routers.push_back({"/", "", std::nullopt, {}});
    config.routers.push_back({"/s/", "https", config::HostPort{east, 443}, {}});
    config.routers.push_back({"/s/plain/", "http", config::HostPort{"model.internal", 8000}, {}});
    config.routers.push_back({"/v6/", "https", config::HostPort{"2001:db8::1", 443}, {{"x-six", "1"}}});
    return *Policy::make(std::make_shared<const config::Config>(std::move(config)));
  }();
  return made;
}

// "Host.", "host:443" → "host"; brackets go too.
std::string host_of(std::string_view authority) {
  std::string host = rfc9112::lower(authority);
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  host = host.substr(0, host.find(':'));
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

unsigned long port_of(std::string_view authority, unsigned long otherwise) {
  const auto colon = authority.rfind(':');
  const bool given = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  return given && colon + 1 < authority.size() ? std::stoul(std::string(authority.substr(colon + 1))) : otherwise;
}

bool of_amazon(const std::string& host) {
  return host.find("bedrock") != std::string::npos &&
         (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn") || host.ends_with(".api.aws") ||
          host.find(".amazonaws") != std::string::npos);
}

void check_reached(const std::string& host, unsigned long port, bool configured) {
  demand(configured || policy()->port_allowed(static_cast<std::uint16_t>(port)), "the port is allowed");
  const bool loopback = host == "localhost" || host.ends_with(".localhost") || host == "::1" ||
                        host.starts_with("127.") || host == "192.0.2.1";
  demand(!(loopback && port == own_port), "nothing leads to borehole itself");
}

void check_connect(const http::RequestHead& head, const rfc9112::Message& read, const Surroundings& at) {
  const auto routed = route_connect(head, at, *policy());
  if (!routed) return demand(routed.error().fault == Fault::client, "what is refused is the client's fault");
  const std::string_view target = rfc9112::request_line(read).target;
  demand(routed->authority.host == host_of(target), "the host that is named is the one that is reached");
  demand(routed->authority.port == port_of(target, 0), "so is the port");
  check_reached(routed->authority.host, routed->authority.port, false);
  demand(!routed->intercept || of_amazon(routed->authority.host), "only Amazon's hosts are opened");
  if (const auto* host = rfc9112::find(read, "host")) {
    demand(host_of(host->value) == host_of(target), "a Host beside it names the same");
  }
}

// Whether the host and port that a request goes to are what it says itself.
bool goes_where_it_says(const Route& route, const rfc9112::Message& read, bool over_tls) {
  const auto line = rfc9112::request_line(read);
  const std::string_view authority = rfc9112::before_path(line.target);
  const std::string_view origin = line.target.substr(authority.size());
  if (!authority.empty()) {
    const bool tls = rfc9112::lower(authority).starts_with("https:");
    const std::string_view named = authority.substr(authority.find("://") + 3);
    if (route.target.host == host_of(named) && route.target.port == port_of(named, tls ? 443 : 80) &&
        route.target.tls == tls && !route.target.configured) {
      return true;
    }
    if (port_of(named, tls ? 443 : 80) != own_port) return false;  // else it may be a gateway path
  }
  for (const auto& router : policy()->config->routers) {
    if (router.path != route.router || !router.upstream || !origin.starts_with(router.path)) continue;
    if (route.target.host == router.upstream->host && route.target.port == router.upstream->port &&
        route.target.tls == (router.scheme == "https")) {
      return true;
    }
  }
  const auto* host = rfc9112::find(read, "host");  // of Amazon's, by TLS on its port
  if (host == nullptr || !of_amazon(host_of(host->value)) || !route.target.tls) return false;
  const auto named = port_of(host->value, 443);
  return route.target.host == host_of(host->value) &&
         (route.target.port == named || (route.target.port == 443 && named == (over_tls ? 443 : own_port)) ||
          (route.target.port == 443 && named == own_port));
}

void check_request(const http::RequestHead& head, const rfc9112::Message& read, const Surroundings& at) {
  auto routed = route_request(head, at, *policy());
  if (!routed) return demand(routed.error().fault == Fault::client, "what is refused is the client's fault");
  take_away_hop_by_hop(head, routed->edit, routed->notes);
  Buffer out;
  http::apply(head, routed->edit, out);
  const std::string text = out.take_string();
  const auto sent = rfc9112::read_head(text);
  demand(sent && sent->rest.empty(), "what is sent is a head");
  const char* fault = rfc9112::head_fault(read, *sent, gateways);
  demand(fault == nullptr, fault);

  check_reached(routed->target.host, routed->target.port, routed->target.configured);
  demand(routed->target.tls_name == routed->target.host || at.origin, "who is asked must prove its name");
  if (!at.origin) {
    demand(routed->way_in == calls::WayIn::gateway || routed->way_in == calls::WayIn::absolute, "how it came");
    return demand(goes_where_it_says(*routed, read, at.over_tls), "a request goes where it says");
  }
  demand(routed->target == at.origin->target && routed->way_in == at.origin->way_in, "inside, all is for one origin");
  if (const auto* host = rfc9112::find(read, "host")) {
    demand(host_of(host->value) == east, "inside, a Host is the one that the certificate was made for");
  }
  const std::string_view authority = rfc9112::before_path(rfc9112::request_line(read).target);
  demand(authority.empty() || host_of(authority.substr(authority.find("://") + 3)) == east,
         "inside, so is the authority of a target");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned place = data[0] % 4U;
  const std::string raw(reinterpret_cast<const char*>(data) + 1, size - 1);
  const http::RequestHead head = http::HeadIndexer::request(raw);
  if (!http::validate_request_head(head)) return 0;
  const auto read = rfc9112::read_head(raw);
  demand(read && read->rest.empty(), "a head that has passed is one by RFC 9112");
  Surroundings at{"192.0.2.1", own_port, place == 1, {}};
  if (place >= 2) {
    at.origin = Surroundings::Origin{place == 2 ? calls::WayIn::connect : calls::WayIn::direct,
                                     {east, 443, true, false},
                                     {east, 443, true, east, false}};
  }
  head.method() == "CONNECT" ? check_connect(head, *read, at) : check_request(head, *read, at);
  return 0;
}
