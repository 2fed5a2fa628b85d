#include "bedrock/call_evidence.h"

#include <algorithm>
#include <utility>

#include "base/ignoring_case.h"
#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

// "com.amazon#AccessDeniedException:http://…" → "accessdenied"
std::string kind_of(std::string_view type) {
  type = type.substr(0, type.find(':'));
  if (const auto hash = type.rfind('#'); hash != std::string_view::npos) type.remove_prefix(hash + 1);
  std::string kind = lower_case(type);
  constexpr std::string_view ending = "exception";
  if (kind.ends_with(ending)) kind.resize(kind.size() - ending.size());
  return kind;
}

bool on_this_machine(std::string_view address) {
  return address.starts_with("127.") || address.starts_with("[::1]") || address.starts_with("::1");
}

std::optional<std::string> whole_body(const JsonValue& record) {
  const std::uint64_t size = record.count("request/body_bytes").value_or(0);
  // What was signed are the octets on the wire; of a decoded or redacted body the record does not hold them.
  if (record.flag("request/body_truncated") == true || record.flag("request/body_decoded") == true ||
      !record.object("redactions").empty()) {
    return std::nullopt;
  }
  const std::string_view text = record.text("request/body");
  auto body = record.text("request/body_encoding") == "base64" ? base64_decode(text) : std::optional(std::string(text));
  if (body && body->size() != size) return std::nullopt;
  return body;
}

std::optional<Seconds> date_of(const JsonValue& record) {
  for (const JsonValue& field : record.list("response/headers")) {
    if (equals_ignoring_case(field.text("0"), "date")) return parse_http_date(trimmed(field.text("1")));
  }
  return std::nullopt;
}

std::optional<SignatureScheme> scheme_of(std::string_view name) {
  for (const auto scheme : {SignatureScheme::none, SignatureScheme::sigv4, SignatureScheme::sigv4_query,
                            SignatureScheme::sigv4a, SignatureScheme::bearer, SignatureScheme::other}) {
    if (scheme_name(scheme) == name) return scheme;
  }
  return std::nullopt;
}

void take_scope(std::string_view scope, SignatureView& view) {
  view.scope = scope;
  view.date = take_part(scope, '/');
  view.region = view.scheme == SignatureScheme::sigv4a ? std::string_view() : take_part(scope, '/');
  view.service = take_part(scope, '/');
}

// The head's secrets are masked; what they held that is none stands elsewhere in the record.
void take_signature(const JsonValue& record, CallEvidence& out) {
  out.signature = read_signature(out.sent_target, out.fields);
  SignatureView& view = out.signature;
  if (const auto scheme = scheme_of(record.text("aws/signing/scheme"))) view.scheme = *scheme;
  if (const auto id = record.text("aws/access_key_id"); !id.empty()) view.access_key_id = id;
  if (const auto scope = record.text("aws/signing/scope"); !scope.empty()) take_scope(scope, view);
  if (view.region.empty() && view.scheme == SignatureScheme::sigv4) view.region = record.text("aws/region");
  if (const auto& names = record.list("aws/signed_headers"); !names.empty()) {
    view.signed_headers.clear();
    for (const JsonValue& name : names) view.signed_headers.emplace_back(name.text(""));
  }
  if (view.signed_headers.size() > most_signed_headers) view.signed_headers.resize(most_signed_headers);
  out.signature_sha256 = record.text("aws/signing/signature_sha256");
  view.signature_present = view.signature_present || !out.signature_sha256.empty();
  out.api_key = record.text("aws/signing/api_key");
  out.api_key_fault = record.text("aws/signing/api_key_fault");
  out.api_key_expires_at = parse_record_time(record.text("aws/signing/api_key_expires_at"));
  out.signature_intact = record.flag("aws/signature_intact");
  out.signed_at = parse_amz_date(view.time);
}

void take_request(const JsonValue& record, CallEvidence& out) {
  out.method = record.text("request/method");
  out.target = record.text("request/target");
  out.way_in = record.text("way_in");
  out.sent_target = out.way_in == "gateway" ? without_prefix(out.target, record.text("router")) : out.target;
  for (const JsonValue& field : record.list("request/headers"))
    out.fields.emplace_back(field.text("0"), field.text("1"));
  out.body = whole_body(record);
  out.content_type = out.field("content-type").value_or(std::string_view());
  out.sdk = record.text("client/sdk");
  out.attempt = record.count("aws/attempt");
  out.max_attempts = record.count("aws/max_attempts");
  out.client_on_this_machine = on_this_machine(record.text("client/address"));
  const auto& notes = record.list("notes");
  out.host_replaced = std::any_of(notes.begin(), notes.end(), [](const JsonValue& note) {
    return note.text("").starts_with("Host: ") && note.text("").find(" was replaced by ") != std::string_view::npos;
  });
}

void take_answer(const JsonValue& record, CallEvidence& out) {
  out.status = record.count("response/status");
  out.error_type = record.text("response/error_type");
  out.error_message = record.text("response/error_message");
  out.exception = record.text("response/stream/exception");
  out.kind = kind_of(out.error_type.empty() ? out.exception : out.error_type);
  if (record.text("response/body_encoding").empty()) out.response_body = record.text("response/body");
  out.message_lower = lower_case(out.error_message.empty() ? out.response_body.substr(0, 4096) : out.error_message);
  out.response_octets = record.count("response/body_bytes").value_or(0);
  out.stream_events = record.count("response/stream/events").value_or(0);
  out.answered_at = date_of(record);
}

}  // namespace

bool CallEvidence::failed() const {
  return !own_code.empty() || !exception.empty() || status.value_or(0) >= 400 ||
         (!outcome.empty() && outcome != "complete");
}

bool CallEvidence::sigv4() const {
  return signature.scheme == SignatureScheme::sigv4 || signature.scheme == SignatureScheme::sigv4_query;
}

CallEvidence read_evidence(const JsonValue& record) {
  CallEvidence out;
  out.outcome = record.text("outcome");
  out.own_code = record.text("error/code");
  out.own_message = record.text("error/message");
  out.own_fault = record.text("error/fault");
  out.operation = record.text("aws/operation");
  out.model_id = record.text("aws/model_id");
  out.upstream_host = record.text("upstream/host");
  out.upstream_port = record.count("upstream/port");
  out.endpoint = parse_endpoint(out.upstream_host);
  out.started_at = parse_record_time(record.text("started_at"));
  out.total_ms = record.number("timing_ms/total");
  out.redacted = !record.object("redactions").empty();
  take_request(record, out);
  take_signature(record, out);
  take_answer(record, out);
  return out;
}

}  // namespace borehole::bedrock
