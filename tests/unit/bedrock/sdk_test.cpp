#include "bedrock/sdk.h"

#include <vector>

#include "catch.h"

using namespace borehole::bedrock;

namespace {

void check(std::string_view agent, std::string_view name, std::string_view version) {
  CAPTURE(agent);
  const std::vector<Field> fields{{"Accept", "*/*"}, {"User-Agent", agent}};
  const Sdk sdk = read_sdk(fields);
  CHECK(sdk.name == name);
  CHECK(sdk.version == version);
}

}  // namespace

TEST_CASE("an SDK is known by its user agent, and by the outermost product of several") {
  check("Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6.1 lang/python#3.11.7", "boto3", "1.43.11");
  check("Boto3/1.20.32 Python/3.9.13 Darwin/22.4.0 Botocore/1.23.32", "boto3", "1.20.32");
  check("Botocore/1.43.11 ua/2.1 os/linux#6.18 md/arch#x86_64", "botocore", "1.43.11");
  check("aws-cli/1.22.34 Python/3.10.6 Linux/5.15 botocore/1.23.34", "aws-cli", "1.22.34");
  check("aws-sdk-js/3.600.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.1.0", "aws-sdk-js", "3.600.0");
  check("aws-sdk-java/2.26.3 Mac_OS_X/15.5 Java/17.0.13", "aws-sdk-java", "2.26.3");
  check("m/E aws-sdk-go-v2/1.32.5 os/macos lang/go#1.22.0", "aws-sdk-go-v2", "1.32.5");
  check("aws-sdk-rust/1.3.3 ua/2.1 api/bedrockruntime/1.40.0 os/linux lang/rust/1.80.0", "aws-sdk-rust", "1.3.3");
  check("AnthropicBedrock/Python 0.121.0", "anthropic-python", "0.121.0");
  check("AsyncAnthropicBedrock/Python 0.121.0", "anthropic-python", "0.121.0");
  check("AnthropicBedrock/JS 0.14.0", "anthropic-js", "0.14.0");
  check("OpenAI/Python 1.99.1", "openai-python", "1.99.1");
  check("claude-cli/2.0.1 (external, cli)", "claude-cli", "2.0.1");
}

TEST_CASE("another user agent is no SDK") {
  for (const char* agent : {"", "curl/8.5.0", "Mozilla/5.0", "/", "boto3", "  ", "AnthropicX/Python 1"})
    check(agent, "", "");
  check("Boto3/", "boto3", "");
  check("Boto3/next", "boto3", "");
  check("OpenAI/Python", "openai-python", "");
  CHECK(read_sdk({}).name.empty());
}

TEST_CASE("a browser's SDK tells itself in x-amz-user-agent") {
  const std::vector<Field> fields{{"User-Agent", "Mozilla/5.0"}, {"x-amz-user-agent", "aws-sdk-js/3.1.0 ua/2.1"}};
  CHECK(read_sdk(fields).name == "aws-sdk-js");
}

TEST_CASE("attempts are counted by amz-sdk-request") {
  const std::vector<Field> fields{{"amz-sdk-invocation-id", "5f3c"}, {"Amz-Sdk-Request", "ttl=x; attempt=2;max=5"}};
  const Attempt attempt = read_attempt(fields);
  CHECK(attempt.invocation_id == "5f3c");
  CHECK(attempt.attempt == 2u);
  CHECK(attempt.max_attempts == 5u);

  for (const char* value : {"", "attempt", "attempt=", "attempt=-1; max=x", "attempt=99999999999; max=1e3", ";;="}) {
    CAPTURE(value);
    const std::vector<Field> bad{{"amz-sdk-request", value}};
    CHECK(!read_attempt(bad).attempt);
    CHECK(!read_attempt(bad).max_attempts);
  }
}

TEST_CASE("the application and the framework are read out of the user agent") {
  struct Case {
    const char *agent, *id, *framework, *version;
  };
  const Case cases[] = {
      {"Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython "
       "m/b,Z cfg/retry-mode#standard Botocore/1.43.11 app/billing x-client-framework:langchain-aws",
       "billing", "langchain-aws", ""},
      {"Boto3/1.43.11 Botocore/1.43.11 strands-agents", "", "strands-agents", ""},
      {"Boto3/1.43.11 Botocore/1.43.11 strands-agents-retrieve app/", "", "strands-agents-retrieve", ""},
      {"aws-sdk-js/3.600.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.1.0 app/web-7 ai-sdk/amazon-bedrock/3.0.1", "web-7",
       "ai-sdk", "3.0.1"},
      {"aws-sdk-java/2.26.3 lib/spring-cloud#3.1 md/spring-ai#1.0.0", "", "spring-cloud", "3.1"},
      {"Botocore/1.43.11 md/LiteLLM#1.77.2", "", "LiteLLM", "1.77.2"},
      {"Botocore/1.43.11 framework/flow/2.0 lib/other", "", "flow", "2.0"},
      {"python-requests/2.34.2", "", "", ""},
      {"Boto3/1.43.11 langchains lib/ md/ x-client-framework:", "", "", ""},
      {"", "", "", ""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.agent);
    const std::vector<Field> fields{{"User-Agent", one.agent}};
    const Application application = read_application(fields);
    CHECK(application.id == one.id);
    CHECK(application.framework == one.framework);
    CHECK(application.framework_version == one.version);
  }
  const std::vector<Field> browser{{"User-Agent", "Mozilla/5.0"}, {"x-amz-user-agent", "aws-sdk-js/3.1.0 app/shop"}};
  CHECK(read_application(browser).id == "shop");
}
