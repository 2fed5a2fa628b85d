#include "bedrock/operation.h"

#include <simdjson.h>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "unit/bedrock/reference.h"

using namespace borehole::bedrock;

namespace {

constexpr std::string_view kHost = "bedrock-runtime.us-east-1.amazonaws.com";

std::optional<Operation> post(std::string_view target, std::string_view host = kHost) {
  return recognise(host, "POST", target, "");
}

std::string host_of(std::string_view service) { return std::string(service) + ".us-east-1.amazonaws.com"; }

// A template with each label replaced by a word of its own.
std::string example_path(std::string_view path_template) {
  std::string path;
  int label = 0;
  for (std::size_t i = 0; i < path_template.size(); ++i) {
    if (path_template[i] == '{') i = path_template.find('}', i);
    if (path_template[i] == '}' || path_template[i] == '*') {
      path += "label" + std::to_string(++label);
    } else {
      path += path_template[i];
    }
  }
  return path;
}

}  // namespace

TEST_CASE("the operations on models are told apart by their last segment") {
  const struct {
    const char* action;
    const char* name;
    Streaming streaming;
  } cases[] = {
      {"invoke", "InvokeModel", Streaming::none},
      {"invoke-with-response-stream", "InvokeModelWithResponseStream", Streaming::event_stream},
      {"invoke-with-bidirectional-stream", "InvokeModelWithBidirectionalStream", Streaming::bidirectional},
      {"converse", "Converse", Streaming::none},
      {"converse-stream", "ConverseStream", Streaming::event_stream},
      {"count-tokens", "CountTokens", Streaming::none},
  };
  for (const auto& expected : cases) {
    CAPTURE(expected.action);
    const auto operation = post("/model/amazon.titan-text-express-v1/" + std::string(expected.action));
    REQUIRE(operation);
    CHECK(operation->service == "bedrock-runtime");
    CHECK(operation->name == expected.name);
    CHECK(operation->model_id == "amazon.titan-text-express-v1");
    CHECK(operation->resource.empty());
    CHECK(operation->streaming == expected.streaming);
  }
}

TEST_CASE("a model id arrives encoded, raw, or between, and is decoded once") {
  const std::string arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-v1:0";
  const std::pair<const char*, std::string> cases[] = {
      {"/model/anthropic.claude-v1%3A0/converse", "anthropic.claude-v1:0"},
      {"/model/anthropic.claude-v1:0/converse", "anthropic.claude-v1:0"},
      {"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-v1%3A0/"
       "converse",
       arn},
      {"/model/arn:aws:bedrock:us-east-1:123456789012:inference-profile%2Fus.anthropic.claude-v1:0/converse", arn},
      {"/model/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-v1:0/converse", arn},
      {"/model/a%253Ab/converse", "a%3Ab"},
      {"/model/a%/converse", "a%"},
      {"/model/converse/converse", "converse"},
      {"/model/a/invoke/converse", "a/invoke"},
      {"//model/a/converse/?x=/invoke", "a"},
      {"https://bedrock-runtime.us-east-1.amazonaws.com/model/a/converse?q", "a"},
  };
  for (const auto& [target, model] : cases) {
    CAPTURE(target);
    const auto operation = post(target);
    REQUIRE(operation);
    CHECK(operation->name == "Converse");
    CHECK(operation->model_id == model);
  }
}

TEST_CASE("labels that name no model become the resource") {
  const auto guardrail = post("/guardrail/gr1/version/DRAFT/apply");
  REQUIRE(guardrail);
  CHECK(guardrail->name == "ApplyGuardrail");
  CHECK(guardrail->resource == "gr1/DRAFT");
  CHECK(guardrail->model_id.empty());

  const auto async_invoke =
      recognise(kHost, "GET", "/async-invoke/arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc", "");
  REQUIRE(async_invoke);
  CHECK(async_invoke->name == "GetAsyncInvoke");
  CHECK(async_invoke->resource == "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc");

  const auto agent = post("/agents/A1/agentAliases/L1/sessions/s%2F1/text", host_of("bedrock-agent-runtime"));
  REQUIRE(agent);
  CHECK(agent->name == "InvokeAgent");
  CHECK(agent->resource == "A1/L1/s/1");
  CHECK(agent->streaming == Streaming::event_stream);
}

TEST_CASE("the shapes of OpenAI and Anthropic are known where Bedrock has them") {
  const std::string mantle = "bedrock-mantle.us-east-1.api.aws";
  CHECK(post("/openai/v1/chat/completions")->name == "ChatCompletions");
  CHECK(post("/openai/v1/responses")->streaming == Streaming::sse);
  CHECK(post("/v1/chat/completions", mantle)->service == "bedrock-mantle");
  CHECK(post("/v1/responses", mantle)->name == "Responses");
  CHECK(post("/openai/v1/responses", mantle)->name == "Responses");
  CHECK(post("/anthropic/v1/messages", mantle)->name == "Messages");
  CHECK(recognise(mantle, "GET", "/v1/models/openai.gpt-oss-20b", "")->model_id == "openai.gpt-oss-20b");
  CHECK(!post("/v1/chat/completions"));
  CHECK(!post("/v1/chat/completions", "api.openai.com"));
}

TEST_CASE("AWS JSON chooses by X-Amz-Target") {
  const std::string host = host_of("bedrock-data-automation-runtime");
  const auto operation = recognise(host, "POST", "/", "AmazonBedrockKeystoneRuntimeService.InvokeDataAutomationAsync");
  REQUIRE(operation);
  CHECK(operation->name == "InvokeDataAutomationAsync");
  CHECK(!recognise(host, "POST", "/", ""));
  CHECK(!recognise(host, "POST", "/", "AmazonBedrockKeystoneRuntimeService.Nothing"));
  CHECK(!recognise(kHost, "POST", "/", "AmazonBedrockKeystoneRuntimeService.InvokeDataAutomationAsync"));
}

TEST_CASE("on a host of the user's own only the operations on models are recognised") {
  const auto operation = post("/model/meta.llama3-70b-instruct-v1:0/invoke", "localhost:8080");
  REQUIRE(operation);
  CHECK(operation->service == "bedrock-runtime");
  CHECK(!post("/async-invoke", "localhost:8080"));
  CHECK(!post("/guardrail/a/version/1/apply", "example.com"));
}

TEST_CASE("what is no operation is not recognised") {
  for (const char* target :
       {"", "/", "/model", "/model/", "/model/a", "/model/invoke", "/model//invoke", "/model/a/unknown",
        "/models/a/invoke", "/x/model/a/invoke", "*", "host:443", "/agents/"}) {
    CAPTURE(target);
    CHECK(!post(target));
  }
  CHECK(!recognise(kHost, "GET", "/model/a/invoke", ""));
  CHECK(!recognise(kHost, "post", "/model/a/invoke", ""));
  CHECK(!post("/model/a/invoke", host_of("bedrock-agent")));
}

TEST_CASE("each row of the table is reached by its own path, and only by it") {
  std::set<std::pair<std::string, std::string>> keys;
  for (const OperationRow& row : operation_table()) {
    const std::string where = std::string(row.service) + ' ' + std::string(row.method) + ' ' + std::string(row.path);
    CAPTURE(where, row.name);
    const std::string target = "Prefix." + std::string(row.name);
    const auto operation = recognise(host_of(row.service), row.method, example_path(row.path), target);
    REQUIRE(operation);
    CHECK(operation->name == row.name);
    CHECK(operation->service == row.service);
    CHECK(operation->streaming == row.streaming);
    CHECK(keys.emplace(where, row.path == "/" ? row.name : "").second);
  }
}

TEST_CASE("the table agrees with the service models of the SDKs") {
  const auto path = reference_path("bedrock-operations.json");
  if (!std::filesystem::exists(path)) {
    WARN("the service models are not beside the checkout: not compared");
    return;
  }
  simdjson::dom::parser parser;
  simdjson::dom::object services;
  REQUIRE(parser.load(path.string()).at_key("services").get(services) == simdjson::SUCCESS);
  std::size_t compared = 0;
  std::set<std::string> names;
  for (const auto service : services) {
    simdjson::dom::object operations;
    REQUIRE(service.value["operations"].get(operations) == simdjson::SUCCESS);
    for (const auto entry : operations) {
      const std::string_view method = entry.value["method"].get_string().value();
      const std::string_view uri = entry.value["uri"].get_string().value();
      CAPTURE(service.key, entry.key, method, uri);
      const auto operation = recognise(host_of(service.key), method, example_path(uri), "X." + std::string(entry.key));
      REQUIRE(operation);
      CHECK(operation->name == entry.key);
      if (service.key == "bedrock-runtime" || service.key == "bedrock-agent-runtime") {
        const bool streams = entry.value["responseStream"].error() == simdjson::SUCCESS;
        CHECK((operation->streaming != Streaming::none) == streams);
      }
      const bool has_model = uri.find("{model") != std::string_view::npos;
      CHECK(operation->model_id.empty() == !has_model);
      names.insert(std::string(service.key) + '.' + std::string(entry.key));
      ++compared;
    }
  }
  CHECK(compared > 300);
  for (const OperationRow& row : operation_table()) {
    if (row.path.find("/v1/") != std::string_view::npos) continue;  // the shapes of other vendors
    CAPTURE(row.service, row.name);
    CHECK(names.count(std::string(row.service) + '.' + std::string(row.name)) == 1);
  }
}
