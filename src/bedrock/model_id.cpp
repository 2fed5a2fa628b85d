#include "bedrock/model_id.h"

#include <algorithm>
#include <array>
#include <vector>

#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

// Sorted. A geographic prefix is told from a provider by what follows it, so the list must hold every provider that a
// prefix can precede; an id of an unlisted provider still gets its provider when it has no prefix.
constexpr std::array<std::string_view, 20> kProviders{"ai21",      "amazon",     "anthropic", "cohere",  "deepseek",
                                                      "google",    "luma",       "meta",      "minimax", "mistral",
                                                      "moonshot",  "moonshotai", "nvidia",    "openai",  "qwen",
                                                      "stability", "twelvelabs", "writer",    "xai",     "zai"};

constexpr std::array<std::string_view, 8> kPrefixes{"apac", "au", "ca", "eu", "global", "jp", "us", "us-gov"};

bool is_provider(std::string_view text) noexcept {
  return std::binary_search(kProviders.begin(), kProviders.end(), text);
}

bool is_prefix(std::string_view text) noexcept {
  if (std::find(kPrefixes.begin(), kPrefixes.end(), text) != kPrefixes.end()) return true;
  // Prefixes to come look alike: a few letters and dashes.
  return text.size() >= 2 && text.size() <= 8 && !is_provider(text) &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

bool is_word(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// `provider.model…` or `prefix.provider.model…`
void read_plain_id(std::string_view id, ModelName& name) {
  const std::size_t dot = id.find('.');
  if (dot == std::string_view::npos || !is_word(id.substr(0, dot))) return;
  const std::string_view first = id.substr(0, dot);
  const std::string_view rest = id.substr(dot + 1);
  const std::size_t second_dot = rest.find('.');
  if (second_dot != std::string_view::npos && is_prefix(first) && is_provider(rest.substr(0, second_dot))) {
    name.inference_scope = first;
    name.provider = rest.substr(0, second_dot);
    name.base_model = rest;
  } else {
    name.inference_scope = "in_region";
    name.provider = first;
    name.base_model = id;
  }
}

struct ArnKind {
  std::string_view type;
  std::string_view scope;
};
constexpr std::array kArnKinds{
    ArnKind{"application-inference-profile", "application_profile"},
    ArnKind{"provisioned-model", "provisioned"},
    ArnKind{"imported-model", "imported"},
    ArnKind{"custom-model", "custom"},
    ArnKind{"custom-model-deployment", "custom_deployment"},
    ArnKind{"prompt", "prompt"},
    ArnKind{"prompt-router", "prompt_router"},
    ArnKind{"default-prompt-router", "prompt_router"},
};

void read_bedrock_resource(std::string_view resource, ModelName& name) {
  const std::size_t slash = resource.find('/');
  if (slash == std::string_view::npos) return;
  const std::string_view type = resource.substr(0, slash);
  const std::string_view rest = resource.substr(slash + 1);
  if (type == "foundation-model" || type == "inference-profile") {
    read_plain_id(rest, name);
    return;
  }
  const auto kind = std::find_if(kArnKinds.begin(), kArnKinds.end(), [&](const ArnKind& k) { return k.type == type; });
  if (kind == kArnKinds.end()) return;
  if (type == "custom-model") read_plain_id(rest.substr(0, rest.rfind('/')), name);  // {base model}/{twelve}
  name.inference_scope = kind->scope;
}

void read_arn(std::string_view arn, ModelName& name) {
  // arn:partition:service:region:account:resource; the resource may hold colons
  std::array<std::string_view, 5> parts;
  for (auto& part : parts) {
    const std::size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return;
    part = arn.substr(0, colon);
    arn.remove_prefix(colon + 1);
  }
  name.arn_region = parts[3];
  name.account = parts[4];
  if (parts[2] == "bedrock") {
    read_bedrock_resource(arn, name);
  } else if (parts[2] == "sagemaker" && arn.starts_with("endpoint/")) {
    name.inference_scope = "marketplace";
  }
}

}  // namespace

ModelName parse_model_id(std::string_view id) {
  ModelName name;
  if (id.starts_with("arn:")) {
    read_arn(id, name);
  } else if (id.find('/') == std::string_view::npos) {
    read_plain_id(id, name);
  }
  return name;
}

}  // namespace borehole::bedrock
