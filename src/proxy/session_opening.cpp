// The session's beginnings: what the first octets are, and those behind a CONNECT; TLS that is opened, tunnels.
#include <fmt/format.h>

#include <utility>

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
  if (hello.status == tls::HelloStatus::not_tls) {
    if (h2_preface.starts_with(bytes.substr(0, h2_preface.size()))) {
      if (bytes.size() < 16) return std::nullopt;
      begin_tap(nullptr, calls::WayIn::gateway, "", {}, now);
      refuse({ErrorCode::unsupported_protocol, Fault::client,
              "HTTP/2 is not spoken here; use an HTTP/1.1 client (AWS SDK for JavaScript: requestHandler: new "
              "NodeHttpHandler(…))"},
             now);
      return std::nullopt;
    }
    phase_ = Phase::http;
    return 0;
  }
  const std::string& name = hello.hello.server_name;
  if (!name.empty() && context_.policy->intercepts(name)) {
    http::Authority authority;
    authority.host = name;
    authority.port = 443;
    open_origin(calls::WayIn::direct, authority, {name, 443, true, name, false}, hello.hello, bytes, now);
    return bytes.size();
  }
  at_.over_tls = true;
  phase_ = Phase::http;
  wait_for(Wait::head, now);
  note_if_only_h2(hello.hello, calls::WayIn::absolute, {}, now);
  effects_.open_tls({name, bytes});
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
  open_origin(calls::WayIn::connect, std::move(authority), target, hello.hello, bytes, now);
  return bytes.size();
}

void Session::open_origin(calls::WayIn way_in, http::Authority authority, const UpstreamTarget& target,
                          const tls::ClientHello& hello, Bytes received, TimePoint now) {
  const std::string leaf_name = authority.host;
  note_if_only_h2(hello, way_in, authority, now);
  at_.origin = Surroundings::Origin{way_in, std::move(authority), target};
  phase_ = Phase::http;
  wait_for(Wait::head, now);
  effects_.open_tls({leaf_name, received});
  if (!refusal_inside_ && !context_.refusal) effects_.prepare(target);
}

void Session::note_if_only_h2(const tls::ClientHello& hello, calls::WayIn way_in, const http::Authority& authority,
                              TimePoint now) {
  if (hello.alpn.empty() || hello.offers("http/1.1")) return;
  const Error error{ErrorCode::unsupported_protocol, Fault::client,
                    "the client offers only HTTP/2 (ALPN), which is not spoken here; use an HTTP/1.1 client (AWS SDK "
                    "for JavaScript: requestHandler: new NodeHttpHandler(…))"};
  begin_tap(nullptr, way_in, "/", authority, now);
  finish_tap(calls::Outcome::refused, &error, 0, now);
  refusal_inside_ = error;  // the handshake fails with no_application_protocol
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
