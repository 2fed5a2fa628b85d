// What makes Amazon refuse a signature; declared in diagnosis_rules.h.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bedrock/diagnosis_rules.h"
#include "bedrock/text.h"
#include "tls/digest.h"

namespace borehole::bedrock {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds window = 5min;  // in which X-Amz-Date must lie around Amazon's clock

// In "… (20250714T202850Z - 5 min.)" Amazon tells its own time.
std::optional<Seconds> time_told(std::string_view message) {
  const std::size_t open = message.rfind('(');
  return open == std::string_view::npos ? std::nullopt : parse_amz_date(message.substr(open + 1, 16));
}

// The signing name: most services share one, and the host does not say it.
std::string_view signing_name(const Endpoint& endpoint) {
  if (endpoint.service.starts_with("bedrock-agentcore")) return "bedrock-agentcore";
  if (endpoint.service == "bedrock-mantle") return "bedrock-mantle";
  return "bedrock";
}

void explain_form(const CallEvidence& call, Findings& out) {
  const SignatureView& view = call.signature;
  std::vector<std::string> lacks;
  if (view.scheme == SignatureScheme::sigv4 || view.scheme == SignatureScheme::sigv4_query) {
    if (view.access_key_id.empty()) lacks.emplace_back("Credential");
    if (view.signed_headers.empty()) lacks.emplace_back("SignedHeaders");
    if (!view.signature_present) lacks.emplace_back("Signature");
  }
  if (!lacks.empty()) {
    out.add(weight::seen, "authorization_incomplete",
            fmt::format("the Authorization field has no {}", fmt::join(lacks, " and no ")),
            "write it as `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, "
            "Signature=HEX`, or let an SDK sign");
    return;
  }
  if (!view.signed_headers.empty() && !is_signed_header(view, "host") && !is_signed_header(view, ":authority")) {
    out.add(weight::seen, "host_not_signed", "the signature leaves Host out, which Amazon wants signed",
            "put `host` into the signed headers",
            {fmt::format("SignedHeaders={}", fmt::join(view.signed_headers, ";"))});
  }
  if (call.sigv4() && view.time.empty() && !call.field("date")) {
    out.add(weight::seen, "date_missing", "the request has no X-Amz-Date, so its signature has no time",
            "send the time that was signed as X-Amz-Date: 20260102T030405Z");
  }
}

void explain_scope(const CallEvidence& call, Findings& out) {
  const SignatureView& view = call.signature;
  if (!call.sigv4() || view.scope.empty()) return;
  const std::string scope = fmt::format("credential scope {}", view.scope);
  if (!view.scope.ends_with("/aws4_request") || std::count(view.scope.begin(), view.scope.end(), '/') != 3) {
    out.add(weight::seen, "scope_malformed",
            "the credential's scope does not have the form DATE/REGION/SERVICE/aws4_request",
            "let the signer write it so", {scope});
    return;
  }
  const std::string host = fmt::format("host {}", call.upstream_host);
  if (call.endpoint && !call.endpoint->region.empty() && view.region != call.endpoint->region) {
    out.add(
        weight::seen, "wrong_region",
        fmt::format("the request is signed for the region {}, and {} was called", view.region, call.endpoint->region),
        fmt::format("set the client's region (AWS_REGION, or its `region` option) to {}, or call the endpoint of {}",
                    call.endpoint->region, view.region),
        {scope, host});
  } else if (!call.endpoint && call.told("scoped to a valid region")) {
    out.add(weight::told, "wrong_region",
            fmt::format("Amazon does not take signatures for the region {} there", view.region),
            "set the client's region to that of the endpoint", {scope, host});
  }
  if (call.endpoint && view.service != signing_name(*call.endpoint)) {
    out.add(weight::seen, "wrong_service",
            fmt::format("the request is signed for the service `{}`, and {} wants `{}`", view.service,
                        call.endpoint->service, signing_name(*call.endpoint)),
            fmt::format("sign with the service name `{}`, whatever the host is called", signing_name(*call.endpoint)),
            {scope, host});
  } else if (!call.endpoint && call.told("scoped to correct service")) {
    out.add(weight::told, "wrong_service",
            fmt::format("Amazon does not take signatures for the service `{}` there", view.service),
            "sign with the service name that Amazon's answer tells", {scope, host});
  }
  if (view.time.size() >= 8 && view.date != std::string_view(view.time).substr(0, 8)) {
    out.add(weight::seen, "scope_date", "the day in the credential's scope is not that of X-Amz-Date",
            "take both from one reading of the clock, in UTC", {scope, fmt::format("X-Amz-Date {}", view.time)});
  }
}

void explain_signed_headers(const CallEvidence& call, Findings& out) {
  const auto& names = call.signature.signed_headers;
  for (const std::string& name : names) {
    if (call.field(name) || (name == "host" && call.field(":authority"))) continue;
    out.add(
        weight::seen, "signed_header_missing",
        fmt::format("the signature covers the header `{}`, which did not arrive", name),
        "leave it out of the signature, or find what takes it away between the signer and borehole (an HTTP library, "
        "another proxy)",
        {fmt::format("SignedHeaders={}", fmt::join(names, ";"))});
    break;
  }
  for (const std::string& name : names) {
    if (std::count(names.begin(), names.end(), name) < 2) continue;
    out.add(weight::seen, "signed_header_twice", fmt::format("the signature lists the header `{}` twice", name),
            "list each name once; values of one name are joined with a comma",
            {fmt::format("SignedHeaders={}", fmt::join(names, ";"))});
    break;
  }
  static constexpr std::array<std::string_view, 9> changing{
      "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "forwarded", "via",
      "x-real-ip",       "connection",       "transfer-encoding"};
  for (const std::string_view name : changing) {
    if (!is_signed_header(call.signature, name)) continue;
    out.add(weight::possible + 10, "signed_header_changes",
            fmt::format("the signature covers the header `{}`, which what stands on the way may change", name),
            "leave it out of the signature");
    break;
  }
}

void explain_body(const CallEvidence& call, Findings& out) {
  const auto announced = call.field("x-amz-content-sha256");
  if (!announced || announced->size() != 64) return;
  if (!call.body) {
    out.add(weight::possible, "body_unknown", "the body was not kept whole, so that its hash cannot be checked",
            "raise `record.bodies.max_bytes` and send the call again");
    return;
  }
  const std::string actual = tls::sha256_hex(*call.body);
  if (actual == lower_case(*announced)) return;
  out.add(weight::seen, "body_changed",
          "the body is not the one that was signed: its SHA-256 differs from x-amz-content-sha256",
          "sign the very octets that are sent: serialise the body once, sign that, send that",
          {fmt::format("announced {}", *announced), fmt::format("arrived   {}, {} octets", actual, call.body->size())});
}

void explain_host(const CallEvidence& call, Findings& out) {
  const std::string_view host = call.field("host").value_or(std::string_view());
  if (call.host_replaced) {
    out.add(weight::likely + 15, "host_signed_differs",
            fmt::format("the request came with Host {}, borehole's own address, and was most likely signed so, while "
                        "Amazon was called as {}",
                        host, call.upstream_host),
            remedy_for_endpoint_url(call.upstream_host),
            {fmt::format("Host came as {}", host), fmt::format("Host was sent as {}", call.upstream_host)});
  } else if (host.ends_with(":443")) {
    out.add(weight::likely + 5, "host_port",
            fmt::format("Host was sent as {}, with a port that signers leave out", host),
            "send Host without the port 443, or sign it with the port", {fmt::format("Host {}", host)});
  }
}

void explain_difference(const CanonicalComparison& canonical, Findings& out) {
  if (canonical.line == 0) return;
  const std::vector<std::string> lines{fmt::format("came here   {}", canonical.our_line),
                                       fmt::format("Amazon had  {}", canonical.amazons_line)};
  const std::size_t colon = canonical.our_line.find(':');
  if (canonical.our_line.starts_with("host:") && canonical.amazons_line.starts_with("host:")) {
    out.add(weight::likely + 15, "host_signed_differs",
            fmt::format("the request came with Host {}, and Amazon had it with {}", canonical.our_line.substr(5),
                        canonical.amazons_line.substr(5)),
            fmt::format("sign for Host {}", canonical.amazons_line.substr(5)), lines);
  } else if (canonical.line == 2) {
    out.add(weight::told, "path_changed", "Amazon had another path than came here",
            "sign the path that Amazon had, or find what changes it behind borehole", lines);
  } else if (colon != std::string::npos && canonical.line > 3) {
    out.add(weight::told, "header_changed",
            fmt::format("the signed header `{}` came here and arrived at Amazon with different values",
                        canonical.our_line.substr(0, colon)),
            "leave it out of the signature, or find what changes it behind borehole", lines);
  } else {
    out.add(weight::told, "request_changed", "Amazon had another request than came here",
            "find what changes it behind borehole, or sign what Amazon had", lines);
  }
}

// What remains where the request does not contradict itself.
void explain_rest(const CallEvidence& call, const std::optional<CanonicalComparison>& canonical, Findings& out) {
  if (out.highest() >= weight::seen) return;
  const bool same = canonical && canonical->line == 0;
  const bool by_hand = call.sdk.empty();
  std::vector<std::string> evidence;
  if (same) evidence.emplace_back("Amazon's canonical request is that of the request that came here");
  const TargetParts parts = split_target(call.sent_target);
  if (by_hand && parts.path.find('%') != std::string_view::npos) {
    out.add(
        weight::likely + 10, "path_encoding",
        "the signer may have taken the path as it is, where Amazon encodes it once more (`%3A` is signed as `%253A`)",
        "percent-encode the path that is sent again for the canonical request, as for every service but S3",
        {fmt::format("path {}", parts.path)});
  }
  out.add(by_hand ? weight::likely : weight::told, "wrong_secret",
          fmt::format("the secret access key is most likely not that of {}",
                      call.signature.access_key_id.empty() ? "this key" : call.signature.access_key_id),
          "check AWS_SECRET_ACCESS_KEY (cut off, blanks around it, of another key); run `borehole calls explain` with "
          "it in "
          "the environment, and the signature is recomputed",
          evidence);
  if (by_hand) {
    out.add(weight::possible, "signer_differs",
            "the signer may build another canonical request than Amazon, or the request changed after it was signed",
            "compare the signer's canonical request with the one that `borehole calls explain` shows");
  }
}

}  // namespace

std::string remedy_for_endpoint_url(std::string_view upstream_host) {
  return fmt::format(
      "sign for Host {} and send it to borehole, or let the client use borehole as its proxy (`borehole env` prints "
      "the "
      "variables) instead of as its endpoint URL",
      upstream_host);
}

void explain_clock(const CallEvidence& call, Findings& out) {
  if (!call.signed_at) return;
  const auto told = call.told("signature") ? time_told(call.error_message) : std::nullopt;
  const auto amazons = told ? told : call.answered_at;
  if (!amazons) return;
  const std::chrono::seconds ahead = *call.signed_at - *amazons;
  if (ahead <= window && ahead >= -window) return;
  std::vector<std::string> evidence{fmt::format("X-Amz-Date     {}", seconds_text(*call.signed_at)),
                                    fmt::format("Amazon's clock {}", seconds_text(*amazons))};
  bool ours_agrees = false;
  if (call.started_at) {
    const std::chrono::seconds off = *call.started_at - *amazons;
    ours_agrees = off <= window / 5 && off >= -window / 5;
    evidence.push_back(fmt::format("borehole's     {}", seconds_text(*call.started_at)));
  }
  const std::string span = span_in_words(ahead);
  const std::string behind_or_ahead = ahead < 0s ? "behind" : "ahead of";
  std::string remedy = "set the client's clock, and let NTP keep it (`timedatectl set-ntp true`)";
  if (ours_agrees && call.client_on_this_machine) {
    remedy = ahead < 0s ? "sign each request just before it is sent: this machine's clock agrees with Amazon's, so the "
                          "request was signed long before, or by another clock"
                        : "find where the signer's time comes from: this machine's clock agrees with Amazon's";
  }
  out.add(weight::seen + 5, ahead < 0s ? "clock_behind" : "clock_ahead",
          fmt::format("the time that was signed is {} {} Amazon's clock, and Amazon takes 5 minutes at most", span,
                      behind_or_ahead),
          remedy, std::move(evidence));
}

void explain_signature(const CallEvidence& call, const std::optional<CanonicalComparison>& canonical, Findings& out) {
  explain_clock(call, out);
  explain_form(call, out);
  explain_scope(call, out);
  explain_signed_headers(call, out);
  explain_body(call, out);
  explain_path(call, out);
  if (call.signature_intact == false) {
    out.add(weight::seen - 5, "changed_by_borehole",
            "what was sent on is not what was signed: borehole had to change a part that the signature covers",
            "sign the request that Amazon shall see: its host, and the path without the router's prefix");
  }
  explain_host(call, out);
  if (canonical) explain_difference(*canonical, out);
  explain_rest(call, canonical, out);
}

}  // namespace borehole::bedrock
