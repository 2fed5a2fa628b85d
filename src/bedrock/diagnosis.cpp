#include "bedrock/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bedrock/diagnosis_rules.h"

namespace borehole::bedrock {

namespace {

template <std::size_t n>
bool is_one_of(std::string_view kind, const std::array<std::string_view, n>& kinds) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool about_signature(const CallEvidence& call) {
  static constexpr std::array<std::string_view, 7> kinds{
      "invalidsignature",     "signaturedoesnotmatch", "incompletesignature",   "requestexpired",
      "requesttimetooskewed", "authfailure",           "signaturenotyetcurrent"};
  return is_one_of(call.kind, kinds) || (call.kind.empty() && call.status == 403 && call.told("signature"));
}

bool about_credentials(const CallEvidence& call) {
  static constexpr std::array<std::string_view, 8> kinds{
      "unrecognizedclient",    "invalidclienttokenid", "missingauthenticationtoken",
      "missingauthentication", "expiredtoken",         "invalidaccesskeyid",
      "notauthorized",         "optinrequired"};
  return is_one_of(call.kind, kinds) || call.status == 401;
}

bool about_quota(const CallEvidence& call) {
  static constexpr std::array<std::string_view, 6> kinds{
      "throttling", "throttled", "toomanyrequests", "servicequotaexceeded", "modelnotready", "requestlimitexceeded"};
  return is_one_of(call.kind, kinds) || call.status == 429;
}

bool about_request(const CallEvidence& call) {
  static constexpr std::array<std::string_view, 5> kinds{"validation", "resourcenotfound", "unknownoperation",
                                                         "serialization", "badrequest"};
  return is_one_of(call.kind, kinds) || (call.kind.empty() && (call.status == 400 || call.status == 404));
}

void say_where(const CallEvidence& call, std::vector<Finding>& findings) {
  if (call.exception.empty() || findings.empty()) return;
  findings.front().evidence.push_back(
      fmt::format("{} inside the stream, after {} event{}; its status is {} all the same", call.exception,
                  call.stream_events, call.stream_events == 1 ? "" : "s", call.status.value_or(200)));
}

}  // namespace

void Findings::add(int weight, std::string code, std::string sentence, std::string remedy,
                   std::vector<std::string> evidence) {
  const auto known = std::find_if(findings_.begin(), findings_.end(), [&](const Finding& f) { return f.code == code; });
  if (known == findings_.end()) {
    findings_.push_back({std::move(code), std::move(sentence), std::move(remedy), std::move(evidence), weight});
    return;
  }
  // The same found another way: the surer sentence stays, and all that was seen.
  if (weight > known->weight) {
    known->weight = weight;
    known->sentence = std::move(sentence);
    known->remedy = std::move(remedy);
  }
  for (std::string& line : evidence) {
    if (std::find(known->evidence.begin(), known->evidence.end(), line) == known->evidence.end()) {
      known->evidence.push_back(std::move(line));
    }
  }
}

std::vector<Finding> Findings::take() {
  std::stable_sort(findings_.begin(), findings_.end(),
                   [](const Finding& a, const Finding& b) { return a.weight > b.weight; });
  return std::move(findings_);
}

int Findings::highest() const noexcept {
  int highest = 0;
  for (const Finding& finding : findings_) highest = std::max(highest, finding.weight);
  return highest;
}

void Findings::drop_below(int weight) {
  findings_.erase(
      std::remove_if(findings_.begin(), findings_.end(), [&](const Finding& f) { return f.weight < weight; }),
      findings_.end());
}

namespace {

// Where the name of the error says nothing, 403 does.
bool is_denial(const CallEvidence& call) {
  return call.kind == "accessdenied" || (call.status == 403 && !about_quota(call) && !about_request(call));
}

}  // namespace

Diagnosis diagnose(const JsonValue& record, const SigningSecret* secret) {
  const CallEvidence call = read_evidence(record);
  Diagnosis out;
  out.failed = call.failed();
  if (!out.failed) return out;
  Findings findings;
  if (!call.own_code.empty() || (call.outcome != "complete" && !call.outcome.empty())) {
    explain_way(call, findings);
  } else if (about_signature(call)) {
    out.canonical = compare_canonical(call);
    explain_signature(call, out.canonical, findings);
    if (secret != nullptr && call.sigv4()) out.signature = prove_signature(call, *secret, findings);
  } else if (about_credentials(call)) {
    explain_credentials(call, findings);
  } else if (is_denial(call)) {
    explain_denial(call, findings);
  } else if (about_quota(call)) {
    explain_quota(call, findings);
  } else if (about_request(call)) {
    explain_validation(call, findings);
  }
  if (findings.empty()) explain_service(call, findings);
  out.findings = findings.take();
  say_where(call, out.findings);
  return out;
}

}  // namespace borehole::bedrock
