#include "bedrock/sigv4_view.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/ignoring_case.h"
#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

constexpr std::string_view kSigv4 = "AWS4-HMAC-SHA256";
constexpr std::string_view kSigv4a = "AWS4-ECDSA-P256-SHA256";

// akid/yyyymmdd/region/service/aws4_request; SigV4a's has no region. An access key id may hold no slash.
void read_credential(std::string_view credential, SignatureView& view) {
  view.access_key_id = take_part(credential, '/');
  view.scope = credential;
  if (view.scheme == SignatureScheme::sigv4a) {
    if (credential.find('/') == std::string_view::npos) return;
    view.date = take_part(credential, '/');
    view.service = take_part(credential, '/');
    return;
  }
  view.date = take_part(credential, '/');
  view.region = take_part(credential, '/');
  view.service = take_part(credential, '/');
}

void read_signed_headers(std::string_view list, SignatureView& view) {
  view.signed_headers.reserve(view.signed_headers.size() + 1 +
                              static_cast<std::size_t>(std::count(list.begin(), list.end(), ';')));
  while (!list.empty()) {
    const std::string_view name = trimmed(take_part(list, ';'));
    if (!name.empty()) view.signed_headers.push_back(lower_case(name));
  }
}

// The rest of an Authorization field after the algorithm: `Credential=…, SignedHeaders=…, Signature=…`, in any order,
// with or without blanks.
void read_parameters(std::string_view parameters, SignatureView& view) {
  while (!parameters.empty()) {
    const std::string_view part = trimmed(take_part(parameters, ','));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(equals + 1);
    if (name == "Credential") read_credential(value, view);
    if (name == "SignedHeaders") read_signed_headers(value, view);
    if (name == "Signature") view.signature_present = !value.empty();
  }
}

// The X-Amz-… parameters of a presigned query; `view.scheme` must be set.
void read_presigned(std::string_view query, SignatureView& view) {
  for (const std::string_view pair : split(query, '&')) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name = percent_decode(pair.substr(0, equals));
    const std::string_view raw = pair.substr(equals + 1);
    if (name == "X-Amz-Credential") read_credential(percent_decode(raw), view);
    if (name == "X-Amz-Date") view.time = percent_decode(raw);
    if (name == "X-Amz-SignedHeaders") read_signed_headers(percent_decode(raw), view);
    if (name == "X-Amz-Signature") view.signature_present = !raw.empty();
    if (name == "X-Amz-Security-Token") view.session_token_present = !raw.empty();
  }
}

// A Bedrock API key. Short-term: `bedrock-api-key-` and the base64 of a presigned URL. Long-term: `ABSK` and the base64
// of `BedrockAPIKey-xxxx-at-account:secret`. Of another token nothing is read.
void read_api_key(std::string_view key, SignatureView& view) {
  constexpr std::string_view short_term = "bedrock-api-key-";
  constexpr std::string_view long_term = "ABSK";
  if (key.starts_with(short_term)) {
    const auto url = base64_decode(key.substr(short_term.size()));
    const std::size_t question = url ? url->find('?') : std::string::npos;
    if (question == std::string::npos) return;
    SignatureView inner;
    inner.scheme = SignatureScheme::sigv4_query;
    read_presigned(std::string_view(*url).substr(question + 1), inner);
    view.access_key_id = std::move(inner.access_key_id);
    view.scope = std::move(inner.scope);
    view.date = std::move(inner.date);
    view.region = std::move(inner.region);
    view.service = std::move(inner.service);
    view.time = std::move(inner.time);
  } else if (key.starts_with(long_term)) {
    const auto decoded = base64_decode(key.substr(long_term.size()));
    if (!decoded) return;
    const std::string_view name = std::string_view(*decoded).substr(0, decoded->find(':'));
    const std::size_t at = name.rfind("-at-");
    if (!name.starts_with("BedrockAPIKey-") || at == std::string_view::npos) return;
    const std::string_view account = name.substr(at + 4);
    if (account.size() != 12 || !parse_decimal(account)) return;
    view.account = account;
    view.api_key_name = name;
  }
}

void read_authorization(std::string_view value, SignatureView& view) {
  const std::size_t blank = value.find_first_of(" \t");
  const std::string_view kind = value.substr(0, blank);
  const std::string_view rest = blank == std::string_view::npos ? std::string_view{} : trimmed(value.substr(blank));
  if (equals_ignoring_case(kind, "Bearer")) {
    view.scheme = SignatureScheme::bearer;
    read_api_key(rest, view);
  } else if (kind == kSigv4 || kind == kSigv4a) {
    view.scheme = kind == kSigv4 ? SignatureScheme::sigv4 : SignatureScheme::sigv4a;
    read_parameters(rest, view);
  } else {
    view.scheme = SignatureScheme::other;
  }
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  for (const std::string_view pair : split(query, '&')) {
    const std::size_t equals = pair.find('=');
    if (percent_decode(pair.substr(0, equals)) != name) continue;
    return equals == std::string_view::npos ? std::string{} : percent_decode(pair.substr(equals + 1));
  }
  return std::nullopt;
}

}  // namespace

std::string_view scheme_name(SignatureScheme scheme) noexcept {
  switch (scheme) {
    case SignatureScheme::none: return "none";
    case SignatureScheme::sigv4: return "sigv4";
    case SignatureScheme::sigv4_query: return "sigv4_query";
    case SignatureScheme::sigv4a: return "sigv4a";
    case SignatureScheme::bearer: return "bearer";
    case SignatureScheme::other: return "other";
  }
  return "none";
}

SignatureView read_signature(std::string_view target, Fields fields) {
  SignatureView view;
  if (const auto authorization = find_field(fields, "authorization")) {
    read_authorization(*authorization, view);
  } else {
    const std::string_view query = split_target(target).query;
    const auto algorithm = query_value(query, "X-Amz-Algorithm");
    if (algorithm == kSigv4 || algorithm == kSigv4a) {
      view.scheme = algorithm == kSigv4 ? SignatureScheme::sigv4_query : SignatureScheme::sigv4a;
      read_presigned(query, view);
    } else if (auto key = find_field(fields, "x-api-key")) {  // clients of Anthropic's shape
      view.scheme = SignatureScheme::bearer;
      read_api_key(*key, view);
    }
  }
  if (const auto date = find_field(fields, "x-amz-date"); date && view.time.empty()) view.time = *date;
  if (find_field(fields, "x-amz-security-token")) view.session_token_present = true;
  return view;
}

std::string credential_text(const SignatureView& view, std::string_view target, Fields fields) {
  const auto authorization = find_field(fields, "authorization");
  if (view.scheme == SignatureScheme::bearer) {
    if (!authorization) return std::string(find_field(fields, "x-api-key").value_or(std::string_view()));
    const std::size_t blank = authorization->find_first_of(" \t");
    return blank == std::string_view::npos ? std::string() : std::string(trimmed(authorization->substr(blank)));
  }
  if (!view.signature_present) return {};
  if (!authorization) return query_value(split_target(target).query, "X-Amz-Signature").value_or(std::string());
  constexpr std::string_view name = "Signature=";
  const std::size_t at = authorization->find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = authorization->substr(at + name.size());
  return {rest.begin(),
          std::find_if(rest.begin(), rest.end(), [](char c) { return c == ',' || c == ' ' || c == '\t'; })};
}

bool is_signed_header(const SignatureView& view, std::string_view name) noexcept {
  return std::any_of(view.signed_headers.begin(), view.signed_headers.end(),
                     [&](const std::string& signed_name) { return equals_ignoring_case(signed_name, name); });
}

bool signature_intact(const SignatureView& view, const RequestView& received, const RequestView& sent) {
  if (view.scheme != SignatureScheme::sigv4 && view.scheme != SignatureScheme::sigv4_query &&
      view.scheme != SignatureScheme::sigv4a) {
    return true;
  }
  const auto canonical = [&](const RequestView& request) {
    return canonical_request(request.method, request.target, request.fields, view.signed_headers, "UNSIGNED-PAYLOAD");
  };
  return canonical(received) == canonical(sent);
}

}  // namespace borehole::bedrock
