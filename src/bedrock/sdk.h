// Which SDK made a request, for which application, and which attempt it is, from its header fields; never decides
// anything by it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bedrock/fields.h"

namespace borehole::bedrock {

// Empty where the user agent is of no known SDK.
struct Sdk {
  std::string name;     // boto3, botocore, aws-cli, aws-sdk-js, aws-sdk-java, aws-sdk-go-v2, aws-sdk-rust, …
  std::string version;  // as written: "1.43.67"
};

// Reads User-Agent, and X-Amz-User-Agent where that tells more (browsers). Products that use an SDK come before it:
// aws-cli before botocore, boto3 before botocore.
Sdk read_sdk(Fields fields);

// What uses the SDK, as far as the user agent tells. Empty where it does not.
struct Application {
  std::string id;                            // `app/NAME`: what AWS_SDK_UA_APP_ID or sdk_ua_app_id holds
  std::string framework, framework_version;  // langchain-aws, strands-agents, haystack, …
};

// Reads User-Agent and X-Amz-User-Agent. A framework names itself in `x-client-framework:NAME`, `framework/NAME` or
// `lib/NAME`; without these it is known by its name, as a product (`NAME/VERSION`, `NAME`) or as `md/NAME`.
Application read_application(Fields fields);

struct Attempt {
  std::string invocation_id;             // amz-sdk-invocation-id: the same for all attempts of one call
  std::optional<std::uint32_t> attempt;  // amz-sdk-request: `attempt=1; max=3`
  std::optional<std::uint32_t> max_attempts;
};

Attempt read_attempt(Fields fields);

}  // namespace borehole::bedrock
