// The session's beginnings: what the first octets are, and those behind a CONNECT; TLS that is opened, tunnels.
#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "proxy/session.h"

namespace borehole::proxy {

namespace {

constexpr Bytes h2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 section 3.4

}  // namespace

std::optional<std::size_t> Session::take_first_octets(Bytes bytes, TimePoint now) {
  if (bytes.empty()) return std::nullopt;
  if (wait_ != Wait::head) wait_for(Wait::head, now);
  const tls::HelloResult hello = tls::read_client_hello(bytes);
  if (hello.status == tls::HelloStatus::need_more) return std::nullopt;
  const std::string& name = hello.hello.server_name;
  const bool intercepted = !name.empty() && context_.policy->intercepts(name);
  if (context_.meant_for && !intercepted) {
    pass_by(now);
    return 0;
  }
  if (hello.status == tls::HelloStatus::not_tls) {
    if (h2_preface.starts_with(bytes.substr(0, h2_preface.size()))) {
      if (bytes.size() < h2_preface.size()) return std::nullopt;
      open_h2(now);
      return 0;
    }
    phase_ = Phase::http;
    return 0;
  }
  if (context_.refuse_tls) {
    end_session(false);
    return std::nullopt;
  }
  if (intercepted) {
    http::Authority authority;
    authority.host = name;
    authority.port = context_.meant_for ? context_.meant_for->port : std::uint16_t{443};
    if (context_.meant_for) {
      if (auto ok = check_reachable(authority, at_, *context_.policy); !ok) refusal_inside_ = std::move(ok).error();
    }
    const UpstreamTarget target{name, authority.port, true, name, false};
    if (!open_origin(calls::WayIn::direct, authority, target, hello.hello, bytes, now)) return std::nullopt;
    return bytes.size();
  }
  at_.over_tls = true;
  phase_ = Phase::http;
  wait_for(Wait::head, now);
  // Clients that offer both would speak HTTP/2 where they want to CONNECT, which is HTTP/1's here.
  const bool h2 = hello.hello.offers("h2") && !hello.hello.offers("http/1.1");
  if (h2) open_h2(now);
  effects_.open_tls({name, bytes, h2 ? "h2" : "http/1.1"});
  return bytes.size();
}

std::optional<std::size_t> Session::take_inner_octets(Bytes bytes, TimePoint now) {
  if (bytes.empty()) return std::nullopt;
  const tls::HelloResult hello = tls::read_client_hello(bytes);
  if (hello.status == tls::HelloStatus::need_more) {
    if (wait_ != Wait::head) wait_for(Wait::head, now);
    return std::nullopt;
  }
  if (hello.status == tls::HelloStatus::not_tls) {
    open_tunnel(now);
    return 0;
  }
  const http::Authority& asked = connect_->authority;
  const std::string& sni = hello.hello.server_name;
  if (!connect_->intercept && (sni.empty() || !context_.policy->intercepts(sni))) {
    open_tunnel(now);
    return 0;
  }
  http::Authority authority = asked;
  UpstreamTarget target{asked.host, asked.port, true, asked.host, false};
  if (!sni.empty() && sni != asked.host) {
    if (!asked.is_ip) {
      refusal_inside_ = Error{
          ErrorCode::host_mismatch, Fault::client,
          fmt::format("CONNECT named {}, the TLS handshake names {}; let both name the same host", asked.host, sni)};
    }
    authority.host = sni;
    authority.is_ip = false;
    target.tls_name = sni;
  }
  if (!open_origin(calls::WayIn::connect, std::move(authority), target, hello.hello, bytes, now)) return std::nullopt;
  return bytes.size();
}

bool Session::open_origin(calls::WayIn way_in, http::Authority authority, const UpstreamTarget& target,
                          const tls::ClientHello& hello, Bytes received, TimePoint now) {
  const bool refused = refusal_inside_ || context_.refusal;
  const bool offers_h1 = hello.alpn.empty() || hello.offers("http/1.1");
  if (hello.offers("h2") && !refused && !negotiated_) {
    before_negotiating_ = phase_;
    phase_ = Phase::negotiating;
    wait_for(Wait::nothing, now);
    upstream_coming_ = true;
    std::vector<std::string> offered;
    for (const std::string& protocol : hello.alpn) {
      if (protocol == "h2" || protocol == "http/1.1") offered.push_back(protocol);
    }
    effects_.negotiate(target, offered, first_leg);
    return false;
  }
  const std::string leaf_name = authority.host;
  const bool failed = negotiated_ && negotiated_->error;
  const bool h2 = negotiated_ && !failed ? negotiated_->alpn == "h2" : hello.offers("h2") && !offers_h1;
  if (!h2 && !offers_h1) note_only_h2(way_in, authority, now);
  if (failed) failed_before_ = negotiated_->error;
  at_.origin = Surroundings::Origin{way_in, std::move(authority), target};
  phase_ = Phase::http;
  wait_for(Wait::head, now);
  if (h2) open_h2(now);
  effects_.open_tls({leaf_name, received, h2 ? "h2" : "http/1.1"});
  if (!h2 && !failed && !refusal_inside_ && !context_.refusal) effects_.prepare(target);
  return true;
}

// From here on every octet of the client is HTTP/2's.
void Session::open_h2(TimePoint now) {
  phase_ = Phase::h2;
  wait_ = Wait::nothing;
  h2_ = std::make_unique<H2Session>(context_, at_, effects_, now);
  if (refusal_inside_) h2_->refuse_all(*refusal_inside_);
  if (draining_) {
    h2_->refuse_all(
        {ErrorCode::shutting_down, Fault::proxy, "borehole is shutting down; try again on a new connection"});
  }
  if (failed_before_) h2_->first_fails(*std::exchange(failed_before_, std::nullopt));
  if (negotiated_ && !negotiated_->error) h2_->adopt(first_leg, negotiated_->facts, now);
}

void Session::note_only_h2(calls::WayIn way_in, const http::Authority& authority, TimePoint now) {
  const Error error{ErrorCode::unsupported_protocol, Fault::client,
                    fmt::format("{} speaks only HTTP/1.1, the client offers only HTTP/2 (ALPN), and neither is "
                                "translated; use an HTTP/1.1 client (AWS SDK for JavaScript: requestHandler: new "
                                "NodeHttpHandler(…))",
                                authority.host)};
  begin_tap(nullptr, way_in, "/", authority, now);
  finish_tap(calls::Outcome::refused, &error, 0, now);
  refusal_inside_ = error;  // the handshake fails with no_application_protocol
}

void Session::pass_by(TimePoint now) {
  connect_ = ConnectRoute{*context_.meant_for, false};
  const auto refusal = why_not_pass_by();
  if (!refusal) return open_tunnel(now);
  begin_tap(nullptr, calls::WayIn::direct, "", connect_->authority, now);
  finish_tap(calls::Outcome::refused, &*refusal, 0, now);
  log::info("redirected connection to {}: {}", http::to_string(connect_->authority), refusal->detail);
  end_session(false);
}

std::optional<Error> Session::why_not_pass_by() const {
  if (context_.refusal) return context_.refusal;
  if (draining_) {
    return Error{ErrorCode::shutting_down, Fault::proxy, "borehole is shutting down; try again on a new connection"};
  }
  if (context_.policy->users) {
    return Error{ErrorCode::proxy_auth_required, Fault::client,
                 "this proxy asks for a name and password (`auth.users_file`), which a connection that a firewall rule "
                 "led here cannot give; keep it out of the rule, or use `auth.allow_clients`"};
  }
  if (auto ok = check_reachable(connect_->authority, at_, *context_.policy); !ok) return std::move(ok).error();
  return std::nullopt;
}

void Session::open_tunnel(TimePoint now) {
  phase_ = Phase::tunnel_opening;
  wait_for(Wait::nothing, now);
  const http::Authority& authority = connect_->authority;
  upstream_coming_ = true;
  if (effects_.lease_tunnel({authority.host, authority.port, false, authority.host, false})) {
    upstream_came();
    phase_ = Phase::tunnel;  // whoever is taking octets goes on in it
  }
}

}  // namespace borehole::proxy
