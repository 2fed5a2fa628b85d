// Decides where a request goes and what must be edited for it. Pure; refuses rather than guesses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "calls/call_record.h"
#include "http/head.h"
#include "http/head_edit.h"
#include "http/target.h"
#include "proxy/effects.h"
#include "proxy/policy.h"

namespace borehole::proxy {

// What is known of the place where a request was read.
struct Surroundings {
  std::string local_ip;  // of the client's connection
  std::uint16_t local_port = 0;
  bool over_tls = false;  // the proxy itself is spoken to over TLS

  // Inside an opened TLS (CONNECT or direct) every request is for one origin.
  struct Origin {
    calls::WayIn way_in = calls::WayIn::connect;
    http::Authority authority;  // the name that the certificate was made for, and the port
    UpstreamTarget target;
  };
  std::optional<Origin> origin;
};

struct Route {
  calls::WayIn way_in = calls::WayIn::connect;
  std::string router;
  UpstreamTarget target;
  http::HeadEdit edit;
  std::vector<std::string> notes;
};

// For every method but CONNECT. The head has passed `validate_request_head`.
Result<Route> route_request(const http::RequestHead& head, const Surroundings& at, const Policy& policy);

struct ConnectRoute {
  http::Authority authority;
  bool intercept = false;
};

// For CONNECT, whose Host field is not looked at: clients leave it out, or without its port.
Result<ConnectRoute> route_connect(const http::RequestHead& head, const Surroundings& at, const Policy& policy);

// May clients reach that host and port: is it none of borehole's own, and among `upstream.ports`?
Result<void> check_reachable(const http::Authority& authority, const Surroundings& at, const Policy& policy);

// Adds to `edit` what must not go further: Proxy-Connection, Proxy-Authorization and the fields that Connection names
// (RFC 9110 section 7.6.1) — unless they are signed, which is noted. Upgrade is kept, since an upgrade passes end to
// end; so is what frames the message.
void take_away_hop_by_hop(const http::RequestHead& head, http::HeadEdit& edit, std::vector<std::string>& notes);

}  // namespace borehole::proxy
