// A signed call as a record tells it, for tests of diagnoses: what the signer believed may differ from what was sent.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ignoring_case.h"
#include "bedrock/diagnosis.h"
#include "bedrock/sigv4_view.h"
#include "bedrock/text.h"
#include "tls/digest.h"

namespace borehole::bedrock {

inline std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

struct RecordedCall {
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  // What was sent, and where.
  std::string way_in = "connect", router = "/", client = "192.0.2.9:4711", sdk;
  std::string upstream = "bedrock-runtime.us-east-1.amazonaws.com", host = upstream;
  std::string method = "POST", target = "/model/amazon.nova-lite-v1/converse", model = "amazon.nova-lite-v1";
  std::string operation = "Converse", body = R"({"messages":[]})";
  Pairs more_headers;
  std::vector<std::string> notes;
  bool body_kept = true, redacted = false;

  // The credentials.
  std::string scheme = "sigv4", key = "AKIAIOSFODNN7EXAMPLE", secret = "a/secret/of/nobody", token;
  std::string region = "us-east-1", service = "bedrock", time = "20260102T030405Z", scope_date = "20260102";
  std::string api_key, api_key_fault, api_key_expires_at;

  // What the signer took instead, where it was wrong.
  std::optional<std::string> signed_host, signed_target, signed_body;
  std::vector<std::string> also_signed;  // headers that were signed and did not arrive
  PathRule rule = PathRule::normalized;

  // The answer.
  std::string outcome = "complete", started_at = "2026-01-02T03:04:05.000006Z";
  std::string date = "Fri, 02 Jan 2026 03:04:06 GMT";
  int status = 403;
  std::string error_type = "InvalidSignatureException", error_message = "The request signature we calculated …";
  std::string exception, own_code, own_message, own_fault;
  double total_ms = 12.5;

  std::string scope() const { return scope_date + "/" + region + "/" + service + "/aws4_request"; }

  std::vector<std::string> signed_headers() const {
    std::vector<std::string> names{"content-type", "host", "x-amz-date"};
    for (const auto& [name, value] : more_headers) names.push_back(lower_case(name));
    if (!token.empty()) names.emplace_back("x-amz-security-token");
    for (const auto& name : also_signed) names.push_back(name);
    return names;
  }

  // As the signer had them; `sent`: as they came.
  Pairs headers(bool sent) const {
    Pairs out{{"Host", sent ? host : signed_host.value_or(host)}, {"Content-Type", "application/json"}};
    if (!time.empty()) out.emplace_back("X-Amz-Date", time);
    for (const auto& pair : more_headers) out.push_back(pair);
    if (!token.empty()) out.emplace_back("X-Amz-Security-Token", token);
    if (!sent) {
      if (also_signed.size() < 100) {
        for (const auto& name : also_signed) out.emplace_back(name, "lost");
      }
    }
    return out;
  }

  std::string canonical(bool sent, std::string_view payload, PathRule path_rule) const {
    const Pairs pairs = headers(sent);
    std::vector<Field> fields(pairs.begin(), pairs.end());
    return canonical_request(method, sent ? target : signed_target.value_or(target), fields, signed_headers(), payload,
                             path_rule);
  }

  // Amazon's own, of what arrived, in the words of its answer.
  std::string message_with_canonical() const {
    return "The request signature we calculated does not match.\n\nThe Canonical String for this request should have "
           "been\n'" +
           canonical(true, tls::lower_hex(tls::sha256(body)), PathRule::normalized) +
           "'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n" + time + "\n" + scope() + "\n00ff'\n";
  }

  std::string signature() const {
    std::string payload = tls::lower_hex(tls::sha256(signed_body.value_or(body)));
    for (const auto& [name, value] : more_headers) {
      if (equals_ignoring_case(name, "x-amz-content-sha256")) payload = value;
    }
    std::string derived = "AWS4" + secret;
    const std::string whole = scope();
    for (const std::string_view part : split(whole, '/')) derived = tls::octets_of(tls::hmac_sha256(derived, part));
    const std::string to_sign = "AWS4-HMAC-SHA256\n" + time + "\n" + whole + "\n" +
                                tls::lower_hex(tls::sha256(canonical(false, payload, rule)));
    return tls::lower_hex(tls::hmac_sha256(derived, to_sign));
  }

  std::string json() const {
    std::string out = R"({"id":"01KEXPLAIN0000000000000000","started_at":)" + json_text(started_at) + R"(,"way_in":)" +
                      json_text(way_in) + R"(,"router":)" + json_text(router) + R"(,"outcome":)" + json_text(outcome);
    if (!own_code.empty()) {
      out += R"(,"error":{"code":)" + json_text(own_code) + R"(,"message":)" + json_text(own_message) + R"(,"fault":)" +
             json_text(own_fault) + "}";
    }
    if (redacted) out += R"(,"redactions":{"email":1})";
    out += R"(,"notes":[)" + list(notes) + R"(],"client":{"address":)" + json_text(client) + R"(,"sdk":)" +
           json_text(sdk) + R"(},"upstream":{"host":)" + json_text(upstream) + R"(,"port":443},"aws":{"operation":)" +
           json_text(operation) + R"(,"model_id":)" + json_text(model) + R"(,"region":)" + json_text(region) + ",";
    const bool sigv4 = scheme == "sigv4";
    if (sigv4) {
      out += R"("access_key_id":)" + json_text(key) + R"(,"signed_headers":[)" + list(signed_headers()) + "],";
    }
    out += R"("signing":{"scheme":)" + json_text(scheme);
    if (sigv4) {
      out += R"(,"scope":)" + json_text(scope()) + R"(,"signature_sha256":)" +
             json_text(tls::lower_hex(tls::sha256(signature())));
    }
    if (scheme == "bearer") {
      out += R"(,"scope":)" + json_text(scope()) + R"(,"api_key":)" + json_text(api_key) + R"(,"api_key_fault":)" +
             json_text(api_key_fault) + R"(,"api_key_expires_at":)" + json_text(api_key_expires_at);
    }
    out += R"(}},"request":{"method":)" + json_text(method) + R"(,"target":)" +
           json_text((router == "/" ? "" : router.substr(0, router.size() - 1)) + target) + R"(,"headers":[)";
    for (const auto& [name, value] : headers(true)) {
      out += "[" + json_text(name) + "," + json_text(name == "X-Amz-Security-Token" ? "***" : value) + "],";
    }
    if (scheme != "none") out += R"(["Authorization","AWS4-HMAC-SHA256 ***"],)";
    out += R"(["User-Agent","test"]],"body_bytes":)" + std::to_string(body.size());
    if (body_kept) out += R"(,"body":)" + json_text(body);
    out += std::string(R"(,"body_truncated":)") + (body_kept ? "false" : "true") + "}";
    if (status != 0) {
      out += R"(,"response":{"status":)" + std::to_string(status) + R"(,"headers":[["Date",)" + json_text(date) +
             R"(]],"body_bytes":0,"body":"")";
      if (!error_type.empty()) out += R"(,"error_type":)" + json_text(error_type);
      if (!error_message.empty()) out += R"(,"error_message":)" + json_text(error_message);
      if (!exception.empty()) out += R"(,"stream":{"events":3,"exception":)" + json_text(exception) + "}";
      out += "}";
    }
    return out + R"(,"timing_ms":{"total":)" + std::to_string(total_ms) + "}}";
  }

  Diagnosis diagnosed(const SigningSecret* given = nullptr) const {
    const auto record = JsonValue::parse(json());
    return record ? diagnose(*record, given) : Diagnosis{};
  }

  static std::string list(const std::vector<std::string>& texts) {
    std::string out;
    for (const auto& text : texts) out += (out.empty() ? "" : ",") + json_text(text);
    return out;
  }
};

}  // namespace borehole::bedrock
