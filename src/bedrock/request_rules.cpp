// What Amazon finds wrong with a request itself, and quotas; declared in diagnosis_rules.h.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "bedrock/diagnosis_rules.h"
#include "bedrock/model_id.h"
#include "bedrock/operation.h"
#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

// Which regions a geographic prefix covers, by the beginning of their names. nullopt: not known.
std::optional<bool> covers(std::string_view scope, std::string_view region) {
  struct Geography {
    std::string_view prefix, regions;
  };
  static constexpr std::array<Geography, 6> known{{{"us", "us- ca-"},
                                                   {"us-gov", "us-gov-"},
                                                   {"eu", "eu- il-"},
                                                   {"apac", "ap-"},
                                                   {"au", "ap-southeast-2 ap-southeast-4 ap-southeast-6"},
                                                   {"jp", "ap-northeast-1 ap-northeast-3"}}};
  for (const auto& [prefix, regions] : known) {
    if (prefix != scope) continue;
    const auto parts = split(regions, ' ');
    return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return region.starts_with(part); });
  }
  return std::nullopt;
}

// The prefix that a region's system inference profiles have; empty where it is not known.
std::string_view geography_of(std::string_view region) {
  if (region.starts_with("us-gov-")) return "us-gov";
  if (region.starts_with("us-")) return "us";
  if (region.starts_with("eu-")) return "eu";
  if (region.starts_with("ap-")) return "apac";
  return {};
}

void explain_model(const CallEvidence& call, Findings& out) {
  if (call.model_id.empty() || !call.endpoint || call.endpoint->region.empty()) return;
  const ModelName model = parse_model_id(call.model_id);
  const std::string& region = call.endpoint->region;
  if (!model.arn_region.empty() && model.arn_region != region) {
    out.add(weight::seen, "model_elsewhere",
            fmt::format("the ARN is of {}, and {} was called", model.arn_region, region),
            fmt::format("call the endpoint of {}", model.arn_region), {fmt::format("model {}", call.model_id)});
  } else if (covers(model.inference_scope, region) == false) {
    const std::string_view geography = geography_of(region);
    out.add(weight::seen, "profile_elsewhere",
            fmt::format("the inference profile `{}.` is not offered in {}", model.inference_scope, region),
            fmt::format("use {}{}, or call an endpoint of its own geography",
                        geography.empty() ? "the model's id without the prefix"
                                          : fmt::format("{}.{}", geography, model.base_model),
                        geography.empty() ? "" : " or a `global.` profile"),
            {fmt::format("model {}", call.model_id)});
  }
  if (call.told("on-demand throughput")) {
    const std::string_view geography = geography_of(region);
    out.add(weight::told + 10, "inference_profile_needed",
            fmt::format("{} is not served by its bare id, only by an inference profile", call.model_id),
            geography.empty()
                ? "use the id of an inference profile that holds the model (`aws bedrock list-inference-profiles`)"
                : fmt::format("use {}.{} or global.{} (`aws bedrock list-inference-profiles` shows what there is)",
                              geography, call.model_id, call.model_id),
            told_by_amazon(call));
  } else if (call.told("model identifier is invalid")) {
    out.add(weight::told, "model_id_invalid", fmt::format("there is no model {} in {}", call.model_id, region),
            "check the id's spelling and version, and that the model is offered in this region (`aws bedrock "
            "list-foundation-models`)",
            told_by_amazon(call));
  }
}

void explain_body_form(const CallEvidence& call, Findings& out) {
  const bool json = call.content_type.empty() || lower_case(call.content_type).find("json") != std::string::npos;
  if (call.method == "POST" && call.body && json) {
    if (call.body->empty()) {
      out.add(weight::seen, "body_empty", "the request has no body", "send the prompt as a JSON document");
    } else if (!JsonValue::parse(*call.body)) {
      out.add(weight::seen, "body_not_json", "the body is no JSON", "send one whole JSON document, as UTF-8",
              told_by_amazon(call));
    }
  }
  if (call.told("malformed input request") || call.told("extraneous key") || call.told("required key")) {
    const bool invoke = call.operation.starts_with("InvokeModel");
    out.add(weight::told + 5, "body_of_another_shape", "the body's members are not those that this model takes",
            invoke ? "InvokeModel takes each provider's own shape: look it up for this model, or use Converse, which "
                     "has one for all"
                   : "correct the member that Amazon names",
            told_by_amazon(call));
  }
  if (call.told("too long") || call.told("too many input tokens") || call.told("maximum context") ||
      call.told("context length") || call.told("exceeds the limit") || call.told("exceed context limit")) {
    out.add(weight::told + 5, "prompt_too_long", "prompt and answer together are more than the model takes",
            "shorten the prompt, or ask for fewer tokens (maxTokens)", told_by_amazon(call));
  }
}

// The path of a runtime operation at the control plane's host, or the other way round.
void explain_host_of_operation(const CallEvidence& call, Findings& out) {
  if (!call.endpoint || call.endpoint->region.empty()) return;
  for (const std::string_view service : {"bedrock-runtime", "bedrock", "bedrock-agent-runtime", "bedrock-agent"}) {
    if (service == call.endpoint->service) continue;
    const std::string host = fmt::format("{}.{}.amazonaws.com", service, call.endpoint->region);
    const auto operation = recognise(host, call.method, call.sent_target, {});
    if (!operation || operation->service != service || recognise(call.upstream_host, call.method, call.sent_target, {}))
      continue;
    out.add(
        weight::seen, "operation_elsewhere",
        fmt::format("{} is an operation of {}, and {} was called", operation->name, service, call.endpoint->service),
        fmt::format("call {}, or its like in your partition", host),
        {fmt::format("{} {}", call.method, call.sent_target)});
    return;
  }
  if (recognise(call.upstream_host, call.method, call.sent_target,
                call.field("x-amz-target").value_or(std::string_view())))
    return;
  out.add(weight::told, "operation_unknown",
          fmt::format("{} has no operation {} {}", call.endpoint->service, call.method,
                      split_target(call.sent_target).path),
          "check the path and the method, and the client's base URL: it must not bring a path of its own",
          told_by_amazon(call));
}

}  // namespace

void explain_path(const CallEvidence& call, Findings& out) {
  const std::string_view path = split_target(call.sent_target).path;
  for (std::size_t at = path.find("%25"); at != std::string_view::npos; at = path.find("%25", at + 1)) {
    const std::string_view digits = path.substr(at + 3, 2);
    if (digits.size() != 2 ||
        !std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isxdigit(c) != 0; })) {
      continue;
    }
    out.add(weight::seen, "path_encoded_twice",
            fmt::format("the path was percent-encoded twice: `%25{0}` stands in it where `%{0}` is meant", digits),
            "encode the model's id once for the path that is sent; only the canonical request has it encoded again",
            {fmt::format("path {}", path)});
    return;
  }
}

void explain_quota(const CallEvidence& call, Findings& out) {
  std::vector<std::string> evidence = told_by_amazon(call);
  if (call.attempt) {
    evidence.push_back(call.max_attempts ? fmt::format("attempt {} of {}", *call.attempt, *call.max_attempts)
                                         : fmt::format("attempt {}", *call.attempt));
  }
  const std::string model(call.model_id.empty() ? std::string_view("this operation") : call.model_id);
  if (call.kind == "modelnotready") {
    out.add(weight::told, "model_not_ready", fmt::format("{} is still being loaded", model), "try again in a while",
            evidence);
  } else if (call.kind == "servicequotaexceeded") {
    out.add(weight::told, "quota_exceeded", "a quota of the account is used up",
            "ask for a higher one in Service Quotas, or free what it counts", evidence);
  } else if (call.told("per day")) {
    out.add(weight::told, "throttled_by_day", fmt::format("the account's tokens of the day for {} are used up", model),
            "wait until the day is over, use another model or region, or ask for a higher quota in Service Quotas",
            evidence);
  } else if (call.told("token")) {
    out.add(weight::told, "throttled_by_tokens",
            fmt::format("the account's tokens per minute for {} are used up", model),
            "slow down: send fewer or shorter prompts at a time and set maxTokens no higher than needed, since Amazon "
            "counts it "
            "in advance; "
            "or ask for a higher quota, or use a `global.` or geographic inference profile",
            evidence);
  } else {
    out.add(weight::told, "throttled", fmt::format("the account's requests per minute for {} are used up", model),
            "slow down: send fewer at a time and wait longer after each refusal (an SDK's retry mode `adaptive` does), "
            "or ask for "
            "a higher "
            "quota in Service Quotas",
            evidence);
  }
}

void explain_validation(const CallEvidence& call, Findings& out) {
  explain_path(call, out);
  if (call.kind == "unknownoperation" || (call.status == 404 && call.kind != "resourcenotfound")) {
    explain_host_of_operation(call, out);
  }
  explain_model(call, out);
  explain_body_form(call, out);
  if (call.kind == "resourcenotfound") {
    if (call.told("end of its life") || call.told("legacy")) {
      out.add(weight::told + 5, "model_retired", fmt::format("{} is not offered any more", call.model_id),
              "change over to a newer version of the model", told_by_amazon(call));
    } else if (call.told("use case")) {
      out.add(weight::told + 5, "use_case_missing", "the account has not told its use case to the model's provider",
              "fill in that form on the Bedrock console's page of model access, and wait a quarter of an hour",
              told_by_amazon(call));
    } else if (out.empty()) {
      out.add(weight::told, "not_found", "there is no such model or resource in this region and account",
              "check the id, the region and the account", told_by_amazon(call));
    }
  }
  if (call.told("operation not allowed")) {
    out.add(weight::told + 5, "account_restricted", "Amazon does not let this account call the model at all",
            "ask AWS Support: new accounts are restricted so at times", told_by_amazon(call));
  }
  if (out.empty()) {
    out.add(weight::told, "request_invalid", "Amazon finds the request invalid", "correct what its message names",
            told_by_amazon(call));
  }
}

}  // namespace borehole::bedrock
