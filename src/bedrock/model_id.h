// What a model identifier says by itself: provider, base model, where it runs; never asks anybody, never guesses.
#pragma once

#include <string>
#include <string_view>

namespace borehole::bedrock {

// Members are empty where the identifier does not tell.
struct ModelName {
  std::string provider;    // "anthropic", "amazon", …
  std::string base_model;  // the foundation model's id without geographic prefix: "anthropic.claude-3-haiku-…-v1:0"
  // in_region; the prefix of a system inference profile (us, us-gov, eu, apac, au, jp, global, …);
  // application_profile, provisioned, imported, custom, custom_deployment, marketplace, prompt, prompt_router
  std::string inference_scope;
  std::string arn_region;
  std::string account;  // twelve digits
};

// `id` is a modelId, percent-decoded: an id, a prefixed id, an ARN, or a bare name. Anything else gives empty members.
ModelName parse_model_id(std::string_view id);

}  // namespace borehole::bedrock
