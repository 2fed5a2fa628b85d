// Recomputes a signature with a secret that the caller was handed; declared in diagnosis_rules.h. The secret is used
// for comparing alone: what is computed never leaves this file.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ignoring_case.h"
#include "bedrock/diagnosis_rules.h"
#include "bedrock/text.h"
#include "tls/digest.h"

namespace borehole::bedrock {

namespace {

constexpr std::string_view of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view replacement_character = "\xef\xbf\xbd";  // where a record could not keep an octet

class Signer {
 public:
  Signer(const SignatureView& view, std::string_view secret) : view_(view) {
    std::string key = "AWS4" + std::string(secret);
    for (const std::string_view part : split(view.scope, '/')) {
      key = tls::octets_of(tls::hmac_sha256(key, part));
    }
    key_ = std::move(key);
  }
  // SHA-256 of the signature's digits, as the record has it.
  std::string hash_of_signature(const std::string& canonical) const {
    const std::string to_sign =
        fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", view_.time, view_.scope, tls::sha256_hex(canonical));
    return tls::sha256_hex(tls::lower_hex(tls::hmac_sha256(key_, to_sign)));
  }

 private:
  const SignatureView& view_;
  std::string key_;
};

// One way to read the request; the first of each list is how it was sent on.
struct Readings {
  std::vector<std::string> hosts, targets, payloads;
  std::vector<PathRule> rules;
};

void add_once(std::vector<std::string>& list, std::string_view text) {
  if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end()) list.emplace_back(text);
}

std::string with_token(std::string_view target, std::string_view token) {
  constexpr std::string_view masked = "X-Amz-Security-Token=***";
  std::string out(target);
  const std::size_t at = out.find(masked);
  if (at == std::string::npos || token.empty()) return out;
  std::string value = "X-Amz-Security-Token=";
  append_percent_encoded(value, token, false);
  return out.replace(at, masked.size(), value);
}

Readings readings_of(const CallEvidence& call, const SigningSecret& secret) {
  Readings out;
  const std::string_view host = call.field("host").value_or(std::string_view());
  if (!call.host_replaced) add_once(out.hosts, host);
  add_once(out.hosts, call.upstream_host);
  add_once(out.hosts, host);
  add_once(out.hosts, host.substr(0, host.rfind(':')));
  if (call.upstream_port) add_once(out.hosts, fmt::format("{}:{}", call.upstream_host, *call.upstream_port));
  // What a client of another endpoint signs.
  for (const std::string_view service : {"bedrock-runtime", "bedrock"}) {
    add_once(out.hosts, fmt::format("{}.{}.amazonaws.com", service, call.signature.region));
  }
  add_once(out.hosts, "localhost");
  add_once(out.targets, with_token(call.sent_target, secret.session_token));
  add_once(out.targets, with_token(call.target, secret.session_token));
  if (const auto announced = call.field("x-amz-content-sha256")) add_once(out.payloads, *announced);
  if (call.body) add_once(out.payloads, tls::sha256_hex(*call.body));
  if (out.payloads.empty()) return out;
  add_once(out.payloads, of_nothing);
  add_once(out.payloads, "UNSIGNED-PAYLOAD");
  out.rules = {PathRule::normalized, PathRule::as_sent, PathRule::not_encoded, PathRule::decoded};
  return out;
}

// Why the signature cannot be recomputed; empty where it can.
std::string obstacle(const CallEvidence& call, const SigningSecret& secret) {
  const SignatureView& view = call.signature;
  if (call.signature_sha256.empty()) {
    return "the record does not hold the hash of the signature, since Amazon did not refuse the call, or an older "
           "borehole "
           "wrote it";
  }
  if (!secret.access_key_id.empty() && secret.access_key_id != view.access_key_id) {
    return fmt::format("AWS_ACCESS_KEY_ID is {}, and the call was signed with {}; set both to that key's",
                       secret.access_key_id, view.access_key_id);
  }
  if (view.time.empty() || view.scope.empty()) return "the request has no X-Amz-Date, or no credential scope";
  if (call.redacted)
    return "a rule of `record.redact` hid something of the call, so that the record is not what was sent";
  if (call.signs_too_much()) return "it covers more headers than any signer lists";
  for (const std::string& name : view.signed_headers) {
    const auto value = call.field(name);
    if (!value) return fmt::format("the signed header `{}` did not arrive, and its value is not known", name);
    if (*value == masked_value && name == "x-amz-security-token" && !secret.session_token.empty()) continue;
    if (*value == masked_value) {
      return name == "x-amz-security-token"
                 ? "the session token is signed and not in the record; set AWS_SESSION_TOKEN too"
                 : fmt::format("the signed header `{}` is masked in the record (`record.mask_headers`)", name);
    }
    if (value->find(replacement_character) != std::string_view::npos) {
      return fmt::format("the signed header `{}` holds octets that are not in the record as they came", name);
    }
  }
  if (!call.body && !call.field("x-amz-content-sha256")) {
    return "the body is signed and was not kept whole; raise `record.bodies.max_bytes` and send the call again";
  }
  return {};
}

std::vector<Field> with_host(const CallEvidence& call, const SigningSecret& secret, std::string_view host) {
  std::vector<Field> fields = call.fields;
  for (auto& [name, value] : fields) {
    if (equals_ignoring_case(name, "host")) value = host;
    if (equals_ignoring_case(name, "x-amz-security-token") && value == masked_value && !secret.session_token.empty()) {
      value = secret.session_token;
    }
  }
  return fields;
}

struct ProvedWay {
  std::size_t host = 0, target = 0, rule = 0, payload = 0;
  int differences() const {
    return static_cast<int>(host != 0) + static_cast<int>(target != 0) + static_cast<int>(rule != 0) +
           static_cast<int>(payload != 0);
  }
};

// The reading with the fewest differences to what was sent whose signature is the call's.
std::optional<ProvedWay> find_proved(const CallEvidence& call, const SigningSecret& secret, const Readings& readings) {
  const Signer signer(call.signature, secret.secret);
  std::optional<ProvedWay> best;
  for (std::size_t host = 0; host < readings.hosts.size(); ++host) {
    const std::vector<Field> fields = with_host(call, secret, readings.hosts[host]);
    for (std::size_t target = 0; target < readings.targets.size(); ++target) {
      for (std::size_t rule = 0; rule < readings.rules.size(); ++rule) {
        for (std::size_t payload = 0; payload < readings.payloads.size(); ++payload) {
          const ProvedWay way{host, target, rule, payload};
          if (best && best->differences() <= way.differences()) continue;
          const std::string canonical =
              canonical_request(call.method, readings.targets[target], fields, call.signature.signed_headers,
                                readings.payloads[payload], readings.rules[rule]);
          if (signer.hash_of_signature(canonical) == call.signature_sha256) best = way;
        }
      }
    }
  }
  return best;
}

void add_proved(const CallEvidence& call, const Readings& readings, const ProvedWay& way, Findings& out) {
  const std::string recomputed = "the signature was recomputed with AWS_SECRET_ACCESS_KEY, and fits so";
  if (way.host != 0) {
    out.add(weight::proved, "host_signed_differs",
            fmt::format("the client signed for Host {}, and Amazon was called as {}", readings.hosts[way.host],
                        readings.hosts.front()),
            call.host_replaced ? remedy_for_endpoint_url(readings.hosts.front())
                               : fmt::format("sign for Host {}", readings.hosts.front()),
            {recomputed});
  }
  if (way.target != 0) {
    out.add(
        weight::proved, "prefix_signed", "the client signed the path with the router's prefix, which Amazon never sees",
        "sign the path without the prefix, or let the client use borehole as its proxy (`borehole env`) instead of as "
        "its endpoint URL",
        {fmt::format("signed {}", call.target), fmt::format("sent   {}", call.sent_target), recomputed});
  }
  if (way.rule != 0) {
    const bool dots = readings.rules[way.rule] == PathRule::as_sent;
    out.add(
        weight::proved, dots ? "path_not_normalized" : "path_encoding",
        dots ? "the client signed the path with its dot segments or repeated slashes, which Amazon takes out before"
             : "the client signed the path without encoding it once more, as only S3 has it (`%3A` must be signed as "
               "`%253A`)",
        dots ? "take them out of the path before signing"
             : "percent-encode the path that is sent again for the canonical request",
        {fmt::format("path {}", split_target(call.sent_target).path), recomputed});
  }
  if (way.payload != 0) {
    const std::string& signed_hash = readings.payloads[way.payload];
    out.add(
        weight::proved, "body_changed",
        signed_hash == of_nothing ? "the client signed an empty body"
        : signed_hash == "UNSIGNED-PAYLOAD"
            ? "the client signed UNSIGNED-PAYLOAD in place of the body's hash, without telling in x-amz-content-sha256"
            : "the client signed another hash of the body than it announced",
        "sign the SHA-256 of the very octets that are sent", {recomputed});
  }
}

}  // namespace

std::string_view proof_name(Proof proof) noexcept {
  switch (proof) {
    case Proof::impossible: return "impossible";
    case Proof::fits: return "fits";
    case Proof::fits_otherwise: return "fits_otherwise";
    case Proof::does_not_fit: return "does_not_fit";
  }
  return "impossible";
}

SignatureProof prove_signature(const CallEvidence& call, const SigningSecret& secret, Findings& out) {
  if (std::string why = obstacle(call, secret); !why.empty()) return {Proof::impossible, std::move(why)};
  const Readings readings = readings_of(call, secret);
  const auto way = find_proved(call, secret, readings);
  if (!way) {
    if (out.highest() < weight::seen) {
      out.add(
          weight::told + 15, "wrong_secret",
          "the call was not signed with this AWS_SECRET_ACCESS_KEY, or it changed after it was signed",
          "put into the client the secret that belongs to its access key; where this is that secret, the client signs "
          "wrongly: compare its canonical request with the one shown here",
          {"the signature was recomputed, also for the mistakes that signers make, and never fits"});
    }
    return {Proof::does_not_fit, "with AWS_SECRET_ACCESS_KEY the signature would be another one"};
  }
  if (way->differences() != 0) {
    add_proved(call, readings, *way, out);
    out.drop_below(weight::seen - 5);
    return {Proof::fits_otherwise,
            "the signature is that of AWS_SECRET_ACCESS_KEY, for a request that was not sent so"};
  }
  out.drop_below(weight::seen - 5);
  if (out.empty()) {
    out.add(
        weight::told + 10, "signature_right",
        "the client signed rightly with this AWS_SECRET_ACCESS_KEY, so Amazon has another secret for the key, or "
        "something behind borehole changes the request",
        "check in IAM that the key is active and was not replaced, and compare Amazon's canonical request with ours",
        {"the signature was recomputed with AWS_SECRET_ACCESS_KEY, and fits what was sent on"});
  }
  return {Proof::fits, "the signature is that of AWS_SECRET_ACCESS_KEY, for the request as it was sent on"};
}

}  // namespace borehole::bedrock
