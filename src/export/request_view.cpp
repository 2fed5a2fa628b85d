#include "export/request_view.h"

#include <fmt/format.h>

#include "base/ignoring_case.h"
#include "bedrock/fields.h"
#include "bedrock/hosts.h"
#include "bedrock/text.h"
#include "calls/record_reading.h"
#include "calls/utf8.h"
#include "http/target.h"

namespace borehole::exporting {

namespace {

using bedrock::JsonValue;
using calls::BodySide;

constexpr std::uint64_t http_port = 80;
constexpr std::uint64_t https_port = 443;

bool over_tls(const JsonValue& record) {
  if (!record.text("upstream/tls_version").empty()) return true;
  if (bedrock::lower_case(record.text("request/target").substr(0, 7)) == "http://") return false;
  if (record.count("upstream/port").value_or(https_port) == http_port) return false;
  return record.text("upstream/address").empty();  // that was reached, and without TLS
}

// Path and query, without scheme and authority, without the prefix of the gateway's router.
std::string target_of(const JsonValue& record) {
  std::string_view target = record.text("request/target");
  const auto parts = http::split_target(record.text("request/method"), target);
  if (parts) target = parts->origin;
  std::string_view prefix = record.text("router");
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (!prefix.empty() && target.starts_with(prefix)) {
    const std::string_view rest = target.substr(prefix.size());
    if (rest.starts_with('/')) target = rest;
  }
  return target.empty() ? "/" : std::string(target);
}

Signing signing_of(const JsonValue& record) {
  const std::string authorization = bedrock::lower_case(calls::header_of(record, BodySide::request, "authorization"));
  if (authorization.starts_with("bearer")) return Signing::bearer;
  const bool signed_query = record.text("request/target").find("X-Amz-Signature=") != std::string_view::npos;
  if (authorization.starts_with("aws4-") || signed_query || !record.text("aws/access_key_id").empty()) {
    return Signing::sigv4;
  }
  // A key of Bedrock or of Anthropic, by another header's name.
  return Signing::none;
}

// The name in the credential scope; AWS's service models tell it for each service.
std::string signing_name_of(std::string_view service) {
  return service == "bedrock-agentcore" || service == "bedrock-mantle" ? std::string(service) : "bedrock";
}

}  // namespace

std::string_view RequestView::query() const {
  const std::size_t mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::optional<RequestView> view_request(const JsonValue& record) {
  RequestView view;
  view.method = record.text("request/method");
  view.host = record.text("upstream/host");
  if (view.method.empty() || view.host.empty()) return std::nullopt;
  const bool tls = over_tls(record);
  view.scheme = tls ? "https" : "http";
  view.authority =
      view.host.find(':') == std::string::npos || view.host.starts_with('[') ? view.host : "[" + view.host + "]";
  const std::uint64_t usual = tls ? https_port : http_port;
  const std::uint64_t port = record.count("upstream/port").value_or(usual);
  if (port != usual) view.authority += fmt::format(":{}", port);
  view.target = target_of(record);
  const bool decoded = record.flag("request/body_decoded") == true;
  view.coded = !record.text("request/body_coding").empty() && !decoded;
  for (const JsonValue& field : record.list("request/headers")) {
    if (decoded && equals_ignoring_case(field.text("0"), "content-encoding")) continue;
    view.headers.emplace_back(field.text("0"), field.text("1"));
  }
  view.body = calls::kept_body(record, BodySide::request);
  view.truncated = record.flag("request/body_truncated").value_or(false);
  view.body_bytes = record.count("request/body_bytes").value_or(0);
  view.signing = signing_of(record);
  view.region = record.text("aws/region");
  if (view.region.empty()) view.region = "us-east-1";
  view.signing_name = signing_name_of(record.text("aws/service"));
  return view;
}

std::string one_line(std::string_view text) { return calls::for_terminal(text); }

std::string title_of(const JsonValue& record) {
  std::string title(record.text("id"));
  const std::string_view operation = record.text("aws/operation");
  title += fmt::format(" {}", operation.empty() ? record.text("request/method") : operation);
  if (const auto model = record.text("aws/model_id"); !model.empty()) title += fmt::format(" of {}", model);
  title += fmt::format(", {}:", record.text("started_at"));
  if (const auto status = record.count("response/status")) title += fmt::format(" {}", *status);
  title += fmt::format(" {}", record.text("outcome"));
  return one_line(title);
}

}  // namespace borehole::exporting
