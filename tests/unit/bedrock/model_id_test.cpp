#include "bedrock/model_id.h"

#include <string>

#include "catch.h"

using namespace borehole::bedrock;

namespace {

void check(std::string_view id, std::string_view provider, std::string_view base, std::string_view scope,
           std::string_view region = "", std::string_view account = "") {
  CAPTURE(id);
  const ModelName name = parse_model_id(id);
  CHECK(name.provider == provider);
  CHECK(name.base_model == base);
  CHECK(name.inference_scope == scope);
  CHECK(name.arn_region == region);
  CHECK(name.account == account);
}

}  // namespace

TEST_CASE("plain ids name provider and base model") {
  check("amazon.titan-text-express-v1", "amazon", "amazon.titan-text-express-v1", "in_region");
  check("meta.llama3-70b-instruct-v1:0", "meta", "meta.llama3-70b-instruct-v1:0", "in_region");
  check("zai.glm-4.7", "zai", "zai.glm-4.7", "in_region");
  check("newcomer.model-v1.5:0", "newcomer", "newcomer.model-v1.5:0", "in_region");
}

TEST_CASE("a geographic prefix is taken off only before a provider") {
  for (const char* scope : {"us", "us-gov", "eu", "apac", "au", "jp", "global", "ca", "mx"}) {
    check(std::string(scope) + ".anthropic.claude-sonnet-4-20250514-v1:0", "anthropic",
          "anthropic.claude-sonnet-4-20250514-v1:0", scope);
  }
  check("us.newcomer.model", "us", "us.newcomer.model", "in_region");
  check("amazon.meta.x", "amazon", "amazon.meta.x", "in_region");
}

TEST_CASE("ARNs tell their kind, region and account") {
  check("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2:1", "anthropic", "anthropic.claude-v2:1",
        "in_region", "us-east-1");
  check("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.meta.llama3-1-8b-instruct-v1:0", "meta",
        "meta.llama3-1-8b-instruct-v1:0", "us", "us-east-1", "123456789012");
  check("arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.anthropic.claude-x", "anthropic",
        "anthropic.claude-x", "us-gov", "us-gov-west-1", "123456789012");
  check("arn:aws:bedrock:eu-west-1:123456789012:custom-model/amazon.nova-lite-v1:0:300k/abcdefghijkl", "amazon",
        "amazon.nova-lite-v1:0:300k", "custom", "eu-west-1", "123456789012");
  const std::pair<const char*, const char*> opaque[] = {
      {"application-inference-profile/abc123", "application_profile"},
      {"provisioned-model/abcdefghijkl", "provisioned"},
      {"imported-model/abcdefghijkl", "imported"},
      {"custom-model-deployment/abcdefghijkl", "custom_deployment"},
      {"prompt/ABCDEFGHIJ:3", "prompt"},
      {"prompt-router/abc", "prompt_router"},
      {"default-prompt-router/anthropic.claude:1", "prompt_router"},
  };
  for (const auto& [resource, scope] : opaque) {
    check("arn:aws:bedrock:us-east-1:123456789012:" + std::string(resource), "", "", scope, "us-east-1",
          "123456789012");
  }
  check("arn:aws:sagemaker:us-east-1:123456789012:endpoint/my-endpoint", "", "", "marketplace", "us-east-1",
        "123456789012");
}

TEST_CASE("what tells nothing gives nothing") {
  for (const char* id : {"", "my-provisioned-model", ".", ".x", "a b.c", "arn:", "arn:aws:bedrock:us-east-1"}) {
    check(id, "", "", "");
  }
  check("arn:aws:bedrock:us-east-1:1:new-kind/abc", "", "", "", "us-east-1", "1");
  check("arn:aws:bedrock:us-east-1:1:noslash", "", "", "", "us-east-1", "1");
}
