// Amazon's canonical request, as an answer quotes it, beside ours; declared in diagnosis_rules.h.
#include "bedrock/diagnosis_rules.h"
#include "bedrock/text.h"
#include "tls/digest.h"

namespace borehole::bedrock {

namespace {

// "… The Canonical String for this request should have been\n'POST\n…'\n\nThe String-to-Sign should have been\n'…'"
std::optional<std::string_view> quoted_canonical(std::string_view message) {
  constexpr std::string_view before = "Canonical String for this request should have been";
  const std::size_t at = message.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  message.remove_prefix(at + before.size());
  const std::size_t open = message.find('\'');
  if (open == std::string_view::npos) return std::nullopt;
  message.remove_prefix(open + 1);
  const std::size_t next = message.find("The String-to-Sign should have been");
  const std::size_t close = message.substr(0, next).rfind('\'');
  if (close == std::string_view::npos || close == 0) return std::nullopt;
  return message.substr(0, close);
}

std::string_view last_line(std::string_view text) {
  const std::size_t end = text.rfind('\n');
  return end == std::string_view::npos ? text : text.substr(end + 1);
}

}  // namespace

std::optional<CanonicalComparison> compare_canonical(const CallEvidence& call) {
  const auto quoted = quoted_canonical(call.error_message.empty() ? call.response_body : call.error_message);
  if (!quoted || !call.sigv4() || call.signs_too_much()) return std::nullopt;
  std::string payload(call.field("x-amz-content-sha256").value_or(std::string_view()));
  if (payload.empty() && call.body) payload = tls::sha256_hex(*call.body);
  if (payload.empty()) payload = last_line(*quoted);  // the body was not kept: nothing can be said of it
  CanonicalComparison out;
  out.ours = canonical_request(call.method, call.sent_target, call.fields, call.signature.signed_headers, payload);
  out.amazons = *quoted;
  std::string_view ours = out.ours, amazons = out.amazons;
  for (std::size_t line = 1; !ours.empty() || !amazons.empty(); ++line) {
    const std::string_view our_line = take_part(ours, '\n');
    const std::string_view amazons_line = take_part(amazons, '\n');
    if (our_line == amazons_line) continue;
    out.line = line;
    out.our_line = our_line;
    out.amazons_line = amazons_line;
    break;
  }
  return out;
}

}  // namespace borehole::bedrock
