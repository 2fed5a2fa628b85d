// One request to each of several servers at once, over the TLS that the proxy itself uses, within a time limit. Never
// follows an answer, never sends a second request.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "tls/client_context.h"

namespace borehole::app::doctor {

struct VisitTarget {
  std::string host;  // name or IP literal
  std::uint16_t port = 443;
  bool tls = true;
  std::string path = "/";
  // Reached as the proxy reaches upstreams: `upstream.resolve`, `upstream.proxy`. Else straight.
  bool as_upstream = true;
};

struct Visit {
  std::optional<Error> error;  // dial, TLS or HTTP; nothing: there was an answer
  int status = 0;
  std::optional<WallTime> date;  // the answer's Date field
  WallTime answered{};           // when its head was there
  std::string address;           // that was reached
  std::string tls_version;
  std::string refusal;  // `borehole-error` of a borehole that answered itself; empty: none did
  std::string body;     // at most 64 KiB
};

// In the order of `targets`. What has not answered within `limit` has connect_timeout or response_timeout as its error.
// A server on this machine is no upstream unless `upstream.resolve` names it: address_not_allowed.
std::vector<Visit> visit_all(const config::Config& config, const std::shared_ptr<const tls::TrustStore>& trust,
                             const std::vector<VisitTarget>& targets, Duration limit);

}  // namespace borehole::app::doctor
