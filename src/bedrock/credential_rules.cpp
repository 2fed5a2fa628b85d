// Credentials that Amazon does not know, and what they may not do; declared in diagnosis_rules.h.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "bedrock/api_key.h"
#include "bedrock/diagnosis_rules.h"

namespace borehole::bedrock {

namespace {

bool well_formed(std::string_view key) {
  return key.size() >= 16 && key.size() <= 128 && std::all_of(key.begin(), key.end(), [](unsigned char c) {
           return std::isupper(c) != 0 || std::isdigit(c) != 0;
         });
}

void explain_missing(const CallEvidence& call, Findings& out) {
  if (call.signature.scheme == SignatureScheme::other) {
    out.add(weight::seen, "authorization_unknown",
            "the Authorization field is neither a signature (AWS4-HMAC-SHA256) nor an API key (Bearer)",
            "let an SDK sign, or send `Authorization: Bearer KEY` with a Bedrock API key",
            {fmt::format("Authorization {}", call.field("authorization").value_or("is not there"))});
    return;
  }
  if (call.signature.scheme != SignatureScheme::none) return;
  out.add(weight::seen, "credentials_missing",
          "the request came without credentials: no Authorization, and no signed query",
          "give the client credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
          "AWS_BEARER_TOKEN_BEDROCK); `aws sts get-caller-identity` shows whether it finds any",
          {"no Authorization field"});
}

void explain_key(const CallEvidence& call, Findings& out) {
  const std::string& key = call.signature.access_key_id;
  const std::string line = fmt::format("access key {}", key);
  const bool temporary = key.starts_with("ASIA");
  if (!key.empty() && !well_formed(key)) {
    out.add(weight::seen, "access_key_malformed", fmt::format("{} is no access key id", key),
            "check AWS_ACCESS_KEY_ID: 20 capital letters and digits, without blanks or quotes", {line});
  } else if (temporary && !call.signature.session_token_present) {
    out.add(weight::seen, "session_token_missing",
            fmt::format("{} is a temporary key, and the request came without its session token", key),
            "set AWS_SESSION_TOKEN along with the key and its secret", {line, "no X-Amz-Security-Token"});
  } else if (key.starts_with("AKIA") && call.signature.session_token_present) {
    out.add(
        weight::seen, "session_token_left_over",
        fmt::format("{} is a long-term key, and the request came with a session token, which belongs to another", key),
        "unset AWS_SESSION_TOKEN, or take it out of the credentials file", {line, "X-Amz-Security-Token is there"});
  }
  if (temporary && call.signature.session_token_present) {
    out.add(weight::likely, "session_over",
            "the session of this temporary key has ended, or its token is another session's",
            "get new temporary credentials (`aws sso login`, `aws sts assume-role`), key, secret and token together",
            {line});
  }
  const bool other_partition = call.endpoint && !call.endpoint->partition.empty() && call.endpoint->partition != "aws";
  out.add(
      weight::likely - 5, "access_key_unknown",
      fmt::format("Amazon does not know the access key {}: deleted, deactivated, mistyped, or of another partition",
                  key.empty() ? "of this call" : key),
      other_partition
          ? fmt::format("use a key of the partition {}; keys of others are not known there", call.endpoint->partition)
          : "check the key in IAM (`aws iam list-access-keys`), and that it is not a key of China or GovCloud",
      {line, fmt::format("host {}", call.upstream_host)});
}

std::string_view between(std::string_view text, std::string_view before, std::string_view behind) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + before.size());
  return text.substr(0, text.find(behind));
}

// What of IAM said no, as a clause; and what mends it.
std::pair<std::string, std::string> verdict_of(const CallEvidence& call, std::string_view action) {
  if (call.told("explicit deny")) {
    const std::string_view where = call.told("service control policy")  ? "a service control policy"
                                   : call.told("permissions boundary")  ? "a permissions boundary"
                                   : call.told("session policy")        ? "the session's policy"
                                   : call.told("vpc endpoint policy")   ? "the VPC endpoint's policy"
                                   : call.told("resource control")      ? "a resource control policy"
                                   : call.told("resource-based policy") ? "the resource's policy"
                                                                        : "a policy";
    return {fmt::format("{} denies it explicitly", where),
            fmt::format("have the Deny of {} taken out of that policy", action)};
  }
  if (call.told("service control policy")) {
    return {"no service control policy of the organisation allows it", fmt::format("have {} allowed there", action)};
  }
  if (call.told("permissions boundary")) {
    return {"the permissions boundary does not allow it", fmt::format("have {} allowed there", action)};
  }
  if (call.told("session policy")) {
    return {"the session's policy does not allow it",
            fmt::format("take up the role with a policy that allows {}", action)};
  }
  if (call.told("vpc endpoint policy")) {
    return {"the VPC endpoint's policy does not allow it", fmt::format("allow {} in the endpoint's policy", action)};
  }
  return {"no policy of that identity allows it", fmt::format("attach a policy that allows {}", action)};
}

void explain_iam(const CallEvidence& call, Findings& out) {
  const std::string_view message = call.error_message;
  const std::string_view action = between(message, "not authorized to perform: ", " ");
  std::string_view resource = between(message, "on resource: ", " ");
  std::string_view who = between(message, "User: ", " ");
  const auto [clause, remedy] = verdict_of(call, action);
  const bool denied = call.told("explicit deny");
  while (resource.ends_with('.') || resource.ends_with(',')) resource.remove_suffix(1);
  if (who.empty()) who = "the identity of this call";
  out.add(weight::told + 10, denied ? "iam_explicit_deny" : "iam_not_allowed",
          fmt::format("{} may not {}{}{}: {}", who, action, resource.empty() ? "" : " on ", resource, clause),
          fmt::format("{}{}{}", remedy, resource.empty() ? "" : " on ", resource), told_by_amazon(call));
}

bool about_authentication(const CallEvidence& call) {
  return call.told("api key") || call.told("bearer token") || call.told("authentication failed") ||
         call.told("security token");
}

}  // namespace

void explain_api_key(const CallEvidence& call, Findings& out) {
  if (call.signature.scheme != SignatureScheme::bearer) return;
  if (!call.api_key_fault.empty()) {
    out.add(weight::seen, "api_key_malformed", fmt::format("the API key {}", api_key_fault_text(call.api_key_fault)),
            "put the whole key, and nothing else, into AWS_BEARER_TOKEN_BEDROCK: `ABSK…` (long-term) or "
            "`bedrock-api-key-…`",
            told_by_amazon(call));
  }
  const auto now = call.answered_at ? call.answered_at : call.started_at;
  if (call.api_key_expires_at && now && *call.api_key_expires_at <= *now) {
    out.add(weight::seen, "api_key_expired",
            fmt::format("the short-term API key ran out {} before the call",
                        span_in_words(*now - *call.api_key_expires_at)),
            "make a new one, or let the client sign with credentials that renew themselves",
            {fmt::format("good until {}", seconds_text(*call.api_key_expires_at)),
             fmt::format("called at  {}", seconds_text(*now))});
  }
  if (call.api_key == "short_term" && call.endpoint && !call.signature.region.empty() &&
      !call.endpoint->region.empty() && call.signature.region != call.endpoint->region) {
    out.add(weight::seen, "api_key_of_other_region",
            fmt::format("the API key was made in {}, and {} was called", call.signature.region, call.endpoint->region),
            fmt::format("call the endpoint of {}, or make a key in {}", call.signature.region, call.endpoint->region));
  }
  if (out.highest() >= weight::seen) return;
  out.add(
      weight::likely + 5, "api_key_unknown",
      "the API key has the right form, and Amazon does not take it: it was deleted, has run out, or belongs to another "
      "region",
      "make a new key in the Bedrock console, in the region that is called", told_by_amazon(call));
}

void explain_credentials(const CallEvidence& call, Findings& out) {
  explain_missing(call, out);
  if (call.signature.scheme == SignatureScheme::bearer) return explain_api_key(call, out);
  if (call.kind == "expiredtoken" || call.told("is expired") || call.told("has expired")) {
    out.add(weight::told + 10, "session_expired", "the session of the temporary credentials has run out",
            "get new ones (`aws sso login`, `aws sts assume-role`), or let the SDK renew them by a profile or role",
            told_by_amazon(call));
    return;
  }
  if (out.empty()) explain_key(call, out);
}

void explain_denial(const CallEvidence& call, Findings& out) {
  explain_missing(call, out);
  if (call.told("not authorized to perform: ")) {
    explain_iam(call, out);
  } else if (call.signature.scheme == SignatureScheme::bearer && about_authentication(call)) {
    explain_api_key(call, out);
  } else if (call.told("access to the model") || call.told("model access")) {
    out.add(weight::told + 10, "model_access",
            fmt::format("the account has no access to {}", call.model_id.empty() ? "this model" : call.model_id),
            fmt::format("ask for access on the Bedrock console's page of model access{}",
                        call.endpoint ? ", in the region " + call.endpoint->region : std::string()),
            told_by_amazon(call));
  } else if (call.told("aws-marketplace") || call.told("marketplace subscription")) {
    out.add(weight::told + 10, "marketplace",
            "the model comes by way of AWS Marketplace, and this identity could not subscribe the account to it",
            "let somebody who may (aws-marketplace:Subscribe, aws-marketplace:ViewSubscriptions) call the model once",
            told_by_amazon(call));
  } else if (call.told("geo") || call.told("country") || call.told("unsupported region") || call.told("location")) {
    out.add(weight::told, "not_from_there", "the model's provider does not serve the place that the call came from",
            "use a model that is offered there", told_by_amazon(call));
  } else if (out.empty()) {
    out.add(weight::told, "access_denied", "Amazon does not allow this call",
            "check the IAM policies of the key, the account's access to the model, and service control policies",
            told_by_amazon(call));
  }
}

}  // namespace borehole::bedrock
