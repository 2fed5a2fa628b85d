// Calls that failed on the way to Amazon or back, or inside of it; declared in diagnosis_rules.h.
#include <fmt/format.h>

#include <array>

#include "bedrock/diagnosis_rules.h"

namespace borehole::bedrock {

namespace {

struct OwnCode {
  std::string_view code, remedy;
};

// The record's own message says what happened; this is what to do about it, where that is not in the message.
constexpr std::array<OwnCode, 27> own_codes{{
    {"address_not_allowed",
     "name the address in `upstream.resolve`, or set `upstream.allow_loopback`, if the call is meant to go there"},
    {"ambiguous_request", "let the client frame its body in one way: Content-Length or Transfer-Encoding, never both"},
    {"body_timeout", "send the body faster, or lower `limits.body_bytes_per_second`"},
    {"certificate_rejected",
     "if a proxy of your network opens TLS, name its CA in `upstream.ca_files`; else check the host's name and this "
     "machine's clock"},
    {"connect_failed",
     "check the network's way there, or name your network's proxy in `upstream.proxy`; `borehole doctor` tries each "
     "step"},
    {"connect_timeout",
     "a firewall most likely drops the connection: name your network's proxy in `upstream.proxy`, or have it opened"},
    {"dns_failed",
     "check the host's name (the region in it, above all) and this machine's resolver; `upstream.resolve` can name an "
     "address"},
    {"head_timeout", "let the client send its whole head at once; `limits.head_timeout` says how long borehole waits"},
    {"head_too_large", "make the headers smaller, or raise `limits.head_bytes`"},
    {"header_required",
     "send the header that the router's `require_headers` names, or take it out of the configuration"},
    {"host_mismatch", "let the client send the Host that it calls"},
    {"host_not_allowed", "add the host to the configuration, if it is meant to be called"},
    {"malformed_request", "send HTTP/1.1 as RFC 9112 has it"},
    {"malformed_response",
     "what answered is no Bedrock endpoint: check `upstream.resolve`, `upstream.proxy` and the host's name"},
    {"no_route", "give the path of one of `routers`, or add a router"},
    {"not_found", "check the path"},
    {"out_of_memory", "give the machine more memory, or lower `limits`"},
    {"port_not_allowed", "add the port to `upstream.ports`, if it is meant to be called"},
    {"proxy_auth_required", "put name and password into the proxy's URL: http://NAME:PASSWORD@HOST:PORT"},
    {"proxy_loop", "let the client call Amazon's host, not borehole's own address, through borehole"},
    {"response_timeout", "stream the answer or ask for less; `upstream.response_timeout` says how long borehole waits"},
    {"shutting_down", "send the call again once borehole runs again"},
    {"tls_failed",
     "check that the host speaks TLS at that port, and what your network does to it; `borehole doctor` tries it"},
    {"too_many_connections",
     "close connections that are not used, or raise `limits.connections` (`limits.connections_per_address`, "
     "`limits.connections_per_second`)"},
    {"too_many_guesses", "mend the name and password in the proxy's URL; then wait some seconds"},
    {"unsupported_protocol", "let the client speak HTTP/1.1 to borehole: it must not insist on HTTP/2"},
    {"upstream_proxy_refused",
     "check `upstream.proxy`: its address, its name and password, and whether it lets this host through"},
}};

std::string octets_text(std::uint64_t count) { return fmt::format("{} octet{}", count, count == 1 ? "" : "s"); }

std::string seconds_of(const CallEvidence& call) {
  return call.total_ms ? fmt::format("{:.1f} s", *call.total_ms / 1000) : std::string("some time");
}

void explain_abort(const CallEvidence& call, Findings& out) {
  std::vector<std::string> evidence;
  if (!call.own_message.empty()) evidence.emplace_back(call.own_message);
  const std::string after = seconds_of(call);
  if (call.status) {
    out.add(weight::seen, "client_left",
            fmt::format("the client ended the call after {}, with {} of the answer received", after,
                        octets_text(call.response_octets)),
            "nothing, where a person or the program stopped it; else read the answer to its end, or raise the client's "
            "read "
            "timeout",
            evidence);
    return;
  }
  const bool patient = call.total_ms && *call.total_ms >= 1000;
  out.add(weight::seen, "client_left", fmt::format("the client ended the call after {}, before Amazon answered", after),
          patient ? "raise the client's read timeout (boto3: Config(read_timeout=900), which is 60 s if not said "
                    "otherwise), or "
                    "stream the answer"
                  : "look into the client's own log: it went away at once, as on an error of its own",
          evidence);
}

}  // namespace

std::vector<std::string> told_by_amazon(const CallEvidence& call) {
  if (call.error_message.empty()) return {};
  constexpr std::size_t most = 400;
  std::string text(call.error_message.substr(0, call.error_message.find('\n')));
  if (text.size() > most) text = text.substr(0, most) + "…";
  return {fmt::format("Amazon says: {}", text)};
}

void explain_way(const CallEvidence& call, Findings& out) {
  if (call.outcome == "client_aborted" || call.own_code == "client_aborted") return explain_abort(call, out);
  if (call.own_code == "upstream_broke" || (call.own_code == "upstream_closed" && call.status && *call.status < 400)) {
    out.add(weight::seen, "answer_broke",
            call.own_message.empty() ? "the answer broke off on its way" : std::string(call.own_message),
            "send the call again; where it happens often, look for what cuts long connections (a proxy, NAT, a VPN)",
            {fmt::format("{} of the answer had come", octets_text(call.response_octets))});
    return;
  }
  std::string_view remedy =
      "send the call again; where it happens again, `borehole doctor` looks at each step of the way";
  for (const OwnCode& known : own_codes) {
    if (known.code == call.own_code) remedy = known.remedy;
  }
  out.add(weight::seen, std::string(call.own_code.empty() ? call.outcome : call.own_code),
          call.own_message.empty() ? fmt::format("the call did not come through ({})", call.outcome)
                                   : std::string(call.own_message),
          std::string(remedy),
          call.own_fault.empty() ? std::vector<std::string>()
                                 : std::vector{fmt::format("borehole saw it; the fault is the {}'s", call.own_fault)});
}

void explain_service(const CallEvidence& call, Findings& out) {
  struct Known {
    std::string_view kind, code, sentence, remedy;
  };
  static constexpr std::array<Known, 7> known{{
      {"conflict", "conflict", "Amazon is still busy with a call of the same token", "wait, or use another token"},
      {"internalserver", "amazon_failed", "Amazon failed inside", "send the call again, later if it happens again"},
      {"internalfailure", "amazon_failed", "Amazon failed inside", "send the call again, later if it happens again"},
      {"modelerror", "model_failed", "the model failed on this prompt", "send the call again, or change the prompt"},
      {"modelstreamerror", "model_failed", "the model failed while it answered",
       "send the call again, or change the prompt"},
      {"modeltimeout", "model_too_slow", "the model took longer than Amazon lets it",
       "ask for less, or stream the answer"},
      {"serviceunavailable", "amazon_unavailable", "Amazon cannot serve the model at the moment",
       "send the call again after a while, or use a `global.` or geographic inference profile"},
  }};
  for (const Known& one : known) {
    if (one.kind == call.kind) {
      out.add(weight::told, std::string(one.code), std::string(one.sentence), std::string(one.remedy),
              told_by_amazon(call));
      return;
    }
  }
  const std::string what = call.error_type.empty()
                               ? (call.status ? fmt::format("the status {}", *call.status) : std::string("an error"))
                               : std::string(call.error_type);
  const std::string_view remedy = call.error_type.empty() && call.response_body.find('<') != std::string_view::npos
                                      ? "look at the answer's body: it is HTML, so something else than Bedrock "
                                        "answered (a proxy of your network, a load balancer)"
                                      : "look at the answer's body (`borehole calls show`), and send the call again if "
                                        "it tells of no mistake in it";
  out.add(weight::likely, "unknown_error",
          fmt::format("{} answered with {}", call.upstream_host.empty() ? "the upstream" : call.upstream_host, what),
          std::string(remedy), told_by_amazon(call));
}

}  // namespace borehole::bedrock
