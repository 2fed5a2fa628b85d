#include "app/doctor/sdk_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "app/child_process.h"
#include "base/shell_word.h"

namespace borehole::app::doctor {

namespace {

constexpr const char* set_all = "eval \"$(borehole env)\"";
constexpr std::size_t longest_error = 300;

std::string_view id_of(SdkKind kind) noexcept {
  constexpr std::array<std::string_view, 5> ids{"sdk.boto3", "sdk.aws_cli", "sdk.javascript",
                                                "sdk.anthropic_javascript", "sdk.java"};
  return ids[static_cast<std::size_t>(kind)];
}

bool holds_any(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

bool about_certificate(const std::string& error) {
  return holds_any(
      error, {"CERTIFICATE", "certificate", "SELF_SIGNED", "UNABLE_TO_", "PKIX", "SSLHandshake", "SSL validation"});
}

// The name of a region that does not exist was looked up, or another proxy was asked.
bool about_reaching(const std::string& error) {
  return holds_any(error, {"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT",
                           "fetch failed", "Connection error", "Could not connect", "EndpointConnectionError",
                           "ConnectTimeout", "ProxyConnectionError", "Failed to connect to proxy", "UnknownHost",
                           "ConnectException", "NoRouteToHost", "SocketTimeout", "timed out"});
}

std::string shortened(const std::string& error) {
  if (error.size() <= longest_error) return error;
  return error.substr(0, longest_error) + "…";
}

std::string trust_remedy(SdkKind kind, const std::string& ca_folder) {
  switch (kind) {
    case SdkKind::python:
    case SdkKind::cli: return "export AWS_CA_BUNDLE=" + shell_word(ca_folder + "/bundle.pem");
    case SdkKind::javascript:
    case SdkKind::anthropic: return "export NODE_EXTRA_CA_CERTS=" + shell_word(ca_folder + "/ca.pem");
    case SdkKind::java: return set_all;
  }
  return set_all;
}

std::string proxy_remedy(const SdkReport& report) {
  if (report.kind == SdkKind::anthropic) {
    return "export NODE_USE_ENV_PROXY=1   # Node 22.21, 24 and later; else, after npm install undici:\n"
           "new AnthropicBedrock({ fetchOptions: { dispatcher: new ProxyAgent(process.env.HTTPS_PROXY) } })";
  }
  return report.of_shell ? set_all : "unset NO_PROXY no_proxy";
}

std::string handler_remedy(bool missing) {
  return fmt::format(
      "{}new BedrockRuntimeClient({{ requestHandler: new NodeHttpHandler({{ httpsAgent: new "
      "HttpsProxyAgent(process.env.HTTPS_PROXY) }}) }})",
      missing ? "npm install @smithy/node-http-handler https-proxy-agent\n" : "");
}

std::string circumstances(const SdkReport& report) {
  return report.of_shell ? "as this shell is set" : "with the variables of `borehole env`";
}

// A call that went to the proxy and no further.
Finding stuck(const SdkReport& report, const Attempt& attempt, const std::string& ca_folder) {
  const std::string id(id_of(report.kind));
  if (about_certificate(attempt.error) || attempt.error.empty()) {
    return {id, State::mend, report.name,
            fmt::format("uses the proxy {}, but does not trust the CA{}", circumstances(report),
                        attempt.error.empty() ? "" : ": " + shortened(attempt.error)),
            trust_remedy(report.kind, ca_folder)};
  }
  return {id, State::look, report.name,
          fmt::format("uses the proxy {}, but its test call did not come through: {}", circumstances(report),
                      shortened(attempt.error)),
          ""};
}

Finding judge_javascript(const SdkReport& report, const std::string& ca_folder) {
  Finding finding{std::string(id_of(report.kind)), State::look, report.name,
                  "its default handler speaks HTTP/2 and goes past every proxy",
                  handler_remedy(report.handler_missing)};
  if (report.handler_missing) {
    finding.detail += "; give the client one that does not";
    return finding;
  }
  if (report.handler.arrival.asked) {
    finding.detail += "; with NodeHttpHandler and https-proxy-agent it uses the proxy, and trusts the CA";
    return finding;
  }
  if (!report.handler.arrival.connected && !about_certificate(report.handler.error)) {
    finding.detail += "; give the client one that does not (its test call failed: " +
                      shortened(report.handler.error.empty() ? "no answer" : report.handler.error) + ")";
    return finding;
  }
  Finding untrusting = stuck(report, report.handler, ca_folder);
  untrusting.detail +=
      "; its default handler speaks HTTP/2 and goes past every proxy, so give the client NodeHttpHandler";
  untrusting.remedy += (untrusting.remedy.empty() ? "" : "\n") + handler_remedy(false);
  return untrusting;
}

Finding judge_attempt(const SdkReport& report, const std::string& ca_folder) {
  const std::string id(id_of(report.kind));
  const Attempt& attempt = report.attempt;
  if (attempt.arrival.asked) {
    return {id, State::ok, report.name, fmt::format("uses the proxy, and trusts the CA, {}", circumstances(report)),
            ""};
  }
  // Nobody but the proxy has a certificate for a region that does not exist.
  if (attempt.arrival.connected || about_certificate(attempt.error)) return stuck(report, attempt, ca_folder);
  if (attempt.timed_out) return {id, State::look, report.name, "its test call did not end in time", ""};
  if (report.kind == SdkKind::javascript && about_reaching(attempt.error)) return judge_javascript(report, ca_folder);
  if (!attempt.error.empty() && !about_reaching(attempt.error)) {
    return {id, State::look, report.name, "it could not be tried: " + shortened(attempt.error), ""};
  }
  return {id, report.kind == SdkKind::anthropic ? State::look : State::mend, report.name,
          fmt::format("goes past the proxy {}", circumstances(report)), proxy_remedy(report)};
}

}  // namespace

std::map<std::string, std::string> parse_answers(const std::string& out) {
  std::map<std::string, std::string> answers;
  std::size_t at = 0;
  while (at < out.size()) {
    const std::size_t end = std::min(out.find('\n', at), out.size());
    const std::string line = out.substr(at, end - at);
    at = end + 1;
    const auto equals = line.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    const std::string name = line.substr(0, equals);
    if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._") != std::string::npos) continue;
    std::string value = line.substr(equals + 1);
    if (value.ends_with('\r')) value.pop_back();
    answers.emplace(name, std::move(value));
  }
  return answers;
}

Findings judge_sdk(const SdkReport& report, const std::string& ca_folder) {
  Findings out{judge_attempt(report, ca_folder)};
  if (!report.knows_bedrock) {
    out.push_back({std::string(id_of(report.kind)) + ".version", State::look, report.name,
                   "it is older than Bedrock's runtime, and has no client for it",
                   report.kind == SdkKind::cli ? "aws --version   # 2.13.21 or later has it"
                                               : shell_word(report.place) + " -m pip install --upgrade boto3"});
  }
  return out;
}

}  // namespace borehole::app::doctor
