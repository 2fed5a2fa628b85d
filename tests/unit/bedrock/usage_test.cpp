#include "bedrock/usage.h"

#include <string>
#include <vector>

#include "catch.h"

using namespace borehole::bedrock;

namespace {

using Headers = std::vector<Field>;

Operation operation(std::string_view name, Streaming streaming = Streaming::none) {
  return {"bedrock-runtime", name, "", "", streaming};
}

AnswerFacts read(std::string_view name, std::string_view body, const Headers& headers = {}, int status = 200) {
  const Operation known = operation(name);
  return read_answer(&known, {status, headers, body, false});
}

struct Family {
  const char* name;
  const char* body;
  std::optional<std::uint64_t> input;
  std::optional<std::uint64_t> output;
  std::optional<std::uint64_t> cache_read;
  std::optional<std::uint64_t> cache_write;
  std::optional<std::uint64_t> total;
  const char* stop;
};

const Family kFamilies[] = {
    {"Anthropic Messages",
     R"({"type":"message","model":"claude-x","stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":20,)"
     R"("cache_creation_input_tokens":30,"cache_read_input_tokens":40,"cache_creation":{"ephemeral_1h_input_tokens":5}}})",
     10, 20, 40, 30, 100, "end_turn"},
    {"Anthropic text", R"({"completion":"hi","stop_reason":"stop_sequence"})", {}, {}, {}, {}, {}, "stop_sequence"},
    {"Titan text",
     R"({"inputTextTokenCount":5,"results":[{"tokenCount":7,"completionReason":"FINISH"},{"tokenCount":2}]})",
     5,
     9,
     {},
     {},
     14,
     "FINISH"},
    {"Nova",
     R"({"stopReason":"max_tokens","usage":{"inputTokens":1,"outputTokens":2,"cacheReadInputTokenCount":3,"cacheWriteInputTokenCount":4}})",
     1, 2, 3, 4, 10, "max_tokens"},
    {"Llama",
     R"({"generation":"x","prompt_token_count":11,"generation_token_count":12,"stop_reason":"length"})",
     11,
     12,
     {},
     {},
     23,
     "length"},
    {"Llama, no reason",
     R"({"prompt_token_count":1,"generation_token_count":0,"stop_reason":null})",
     1,
     0,
     {},
     {},
     1,
     nullptr},
    {"Mistral text", R"({"outputs":[{"text":"x","stop_reason":"stop"}]})", {}, {}, {}, {}, {}, "stop"},
    {"OpenAI chat",
     R"({"choices":[{"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105,)"
     R"("prompt_tokens_details":{"cached_tokens":60}}})",
     40,
     5,
     60,
     {},
     105,
     "tool_calls"},
    {"OpenAI responses",
     R"({"object":"response","status":"completed","usage":{"input_tokens":9,"output_tokens":1,"total_tokens":10,"input_tokens_details":{"cached_tokens":0}}})",
     9,
     1,
     0,
     {},
     10,
     "completed"},
    {"DeepSeek-R1", R"({"choices":[{"text":"x","stop_reason":"length"}]})", {}, {}, {}, {}, {}, "length"},
    {"Cohere Command", R"({"generations":[{"finish_reason":"COMPLETE"}]})", {}, {}, {}, {}, {}, "COMPLETE"},
    {"Cohere Command R",
     R"({"finish_reason":"MAX_TOKENS","meta":{"billed_units":{"input_tokens":3,"output_tokens":4}}})",
     3,
     4,
     {},
     {},
     7,
     "MAX_TOKENS"},
    {"Jurassic-2",
     R"({"prompt":{"tokens":[{},{},{}]},"completions":[{"data":{"tokens":[{},{}]},"finishReason":{"reason":"endoftext"}}]})",
     3,
     2,
     {},
     {},
     5,
     "endoftext"},
    {"Titan embeddings", R"({"embedding":[0.1,0.2],"inputTextTokenCount":6})", 6, 0, {}, {}, 6, nullptr},
    {"Cohere embeddings", R"({"embeddings":[[0.1]],"response_type":"embeddings_floats"})", {}, 0, {}, {}, {}, nullptr},
    {"Stability", R"({"images":["aGk="],"finish_reasons":[null]})", {}, {}, {}, {}, {}, nullptr},
    {"Rerank", R"({"results":[{"index":0,"relevance_score":0.5}]})", {}, {}, {}, {}, {}, nullptr},
};

void check_family(const Family& family) {
  CAPTURE(family.name);
  const AnswerFacts facts = read("InvokeModel", family.body);
  CHECK(facts.usage.input_tokens == family.input);
  CHECK(facts.usage.output_tokens == family.output);
  CHECK(facts.usage.cache_read_tokens == family.cache_read);
  CHECK(facts.usage.cache_write_tokens == family.cache_write);
  CHECK(facts.usage.total_tokens == family.total);
  CHECK(facts.usage.source == (facts.usage.empty() ? "" : "body"));
  CHECK(!facts.usage.disagrees);
  CHECK(facts.stop_reason.value_or("(none)") == (family.stop == nullptr ? "(none)" : family.stop));
}

}  // namespace

TEST_CASE("the body of each family is known by its shape") {
  for (const Family& family : kFamilies) check_family(family);
  CHECK(read("InvokeModel", kFamilies[0].body).usage.cache_write_1h_tokens == 5u);
  CHECK(read("InvokeModel", kFamilies[0].body).model_id == "claude-x");
}

TEST_CASE("Converse tells all in its body") {
  const AnswerFacts facts = read(
      "Converse",
      R"({"output":{"message":{}},"stopReason":"tool_use","usage":{"inputTokens":3,"outputTokens":4,"totalTokens":57,)"
      R"("cacheReadInputTokens":20,"cacheWriteInputTokens":30,"cacheDetails":[{"ttl":"1h","inputTokens":10},)"
      R"({"ttl":"5m","inputTokens":20}]},"metrics":{"latencyMs":551},"trace":{"promptRouter":{"invokedModelId":"a.b"}}})");
  CHECK(facts.usage.input_tokens == 3u);
  CHECK(facts.usage.output_tokens == 4u);
  CHECK(facts.usage.cache_read_tokens == 20u);
  CHECK(facts.usage.cache_write_tokens == 30u);
  CHECK(facts.usage.cache_write_1h_tokens == 10u);
  CHECK(facts.usage.total_tokens == 57u);
  CHECK(facts.usage.source == "converse");
  CHECK(facts.stop_reason == "tool_use");
  CHECK(facts.latency_ms == 551u);
  CHECK(facts.model_id == "a.b");
}

TEST_CASE("headers come before the body of InvokeModel and after that of Converse") {
  const Headers headers{{"X-Amzn-Bedrock-Input-Token-Count", "8"},
                        {"X-Amzn-Bedrock-Output-Token-Count", " 9 "},
                        {"X-Amzn-Bedrock-Cache-Read-Input-Token-Count", "1"},
                        {"X-Amzn-Bedrock-Cache-Write-Input-Token-Count", "2"},
                        {"X-Amzn-Bedrock-Invocation-Latency", "123"}};
  SECTION("alone") {
    const AnswerFacts facts = read("InvokeModel", "\x89PNG", headers);
    CHECK(facts.usage.input_tokens == 8u);
    CHECK(facts.usage.output_tokens == 9u);
    CHECK(facts.usage.cache_read_tokens == 1u);
    CHECK(facts.usage.cache_write_tokens == 2u);
    CHECK(facts.usage.total_tokens == 20u);
    CHECK(facts.usage.source == "headers");
    CHECK(facts.latency_ms == 123u);
    CHECK(!facts.usage.disagrees);
  }
  SECTION("the body agrees") {
    const AnswerFacts facts = read("InvokeModel", R"({"usage":{"input_tokens":8,"output_tokens":9}})", headers);
    CHECK(facts.usage.source == "headers");
    CHECK(!facts.usage.disagrees);
    CHECK(!facts.other_usage);
  }
  SECTION("the body disagrees: both are kept") {
    const AnswerFacts facts = read("InvokeModel", R"({"usage":{"input_tokens":8,"output_tokens":10}})", headers);
    CHECK(facts.usage.output_tokens == 9u);
    CHECK(facts.usage.disagrees);
    REQUIRE(facts.other_usage);
    CHECK(facts.other_usage->source == "body");
    CHECK(facts.other_usage->output_tokens == 10u);
  }
  SECTION("Converse's body disagrees") {
    const AnswerFacts facts = read("Converse", R"({"usage":{"inputTokens":7,"outputTokens":9}})", headers);
    CHECK(facts.usage.input_tokens == 7u);
    CHECK(facts.usage.cache_read_tokens == 1u);  // the body does not tell
    CHECK(facts.usage.source == "converse");
    CHECK(facts.usage.disagrees);
    CHECK(facts.other_usage->input_tokens == 8u);
  }
  SECTION("an operation that is not known") {
    const AnswerFacts facts = read_answer(nullptr, {200, headers, R"({"usage":{"inputTokens":1}})", false});
    CHECK(facts.usage.input_tokens == 8u);
    CHECK(!facts.usage.disagrees);
  }
}

TEST_CASE("headers that hold no count tell nothing") {
  for (const char* value : {"", "-1", "1.5", "1e3", "0x10", "99999999999999999999", "7 8", "+7"}) {
    CAPTURE(value);
    const Headers headers{{"x-amzn-bedrock-input-token-count", value}};
    CHECK(read("InvokeModel", "", headers).usage.empty());
  }
}

TEST_CASE("tokens that are only counted are told apart from tokens that are spent") {
  for (const std::string_view body : {R"({"inputTokens":10,"usage":{"inputTokens":99}})", R"({"input_tokens":10})"}) {
    const bool aws = body.find("inputTokens") != std::string_view::npos;
    const Usage usage = read(aws ? "CountTokens" : "CountMessageTokens", body).usage;
    CHECK(usage.input_tokens == 10);
    CHECK_FALSE(usage.total_tokens);
    CHECK(usage.source == "count_tokens");
  }
  CHECK(read("CountTokens", R"({"usage":{"inputTokens":10}})").usage.empty());
}

TEST_CASE("what a guardrail did is read where the operation tells it") {
  CHECK(read("ApplyGuardrail", R"({"action":"NONE"})").guardrail_action == "NONE");
  CHECK(read("InvokeModel", R"({"amazon-bedrock-guardrailAction":"INTERVENED"})").guardrail_action == "INTERVENED");
  CHECK(read("RetrieveAndGenerate", R"({"guardrailAction":"INTERVENED"})").guardrail_action == "INTERVENED");
  CHECK(read("Converse", R"({"stopReason":"guardrail_intervened"})").guardrail_action == "INTERVENED");
  CHECK_FALSE(read("Converse", R"({"stopReason":"end_turn","action":"NONE"})").guardrail_action);
  CHECK_FALSE(read("InvokeModel", R"({"action":"NONE"})").guardrail_action);
  CHECK(read("ApplyGuardrail", R"({"usage":{"inputTokens":10}})").usage.empty());
}

TEST_CASE("errors are read from the header first, then from the body's ways to say it") {
  const auto error = [](std::string_view body, const Headers& headers = {}, int status = 400) {
    return read("Converse", body, headers, status);
  };
  const Headers type{{"x-amzn-ErrorType", "ThrottlingException:http://internal.amazon.com/coral/"}};
  CHECK(error(R"({"message":"slow down","__type":"Other"})", type, 429).error_type == "ThrottlingException");
  CHECK(error(R"({"message":"slow down"})", type, 429).error_message == "slow down");
  CHECK(error(R"({"__type":"com.amazon.coral#ValidationException","Message":"bad"})").error_type ==
        "ValidationException");
  CHECK(error(R"({"Message":"bad"})").error_message == "bad");
  CHECK(error(R"({"code":"AccessDeniedException"})").error_type == "AccessDeniedException");
  CHECK(error(R"({"Output":{"__type":"a.b#UnknownOperationException"}})").error_type == "UnknownOperationException");
  CHECK(error(R"({"type":"error","error":{"type":"overloaded_error","message":"busy"}})").error_type ==
        "overloaded_error");
  CHECK(error(R"({"error":{"code":"invalid_request","message":"no"}})").error_message == "no");
  CHECK(error("<html>Bad gateway</html>", {}, 502).error_type == std::nullopt);
  CHECK(error("<html>Bad gateway</html>", type, 502).error_type == "ThrottlingException");
  CHECK(error(R"({"code":500,"message":null})").error_type == std::nullopt);
  CHECK(error(R"({"usage":{"inputTokens":5,"outputTokens":5}})").usage.empty());
  CHECK(read("Converse", R"({"message":"fine"})", {}, 200).error_message == std::nullopt);
  const auto no_operation = read_answer(nullptr, {403, type, R"({"message":"m"})", false});
  CHECK(no_operation.error_message == "m");
}

TEST_CASE("a long message is cut between characters") {
  const std::string body = "{\"message\":\"" + std::string(4095, 'a') + "\xc3\xa9\xc3\xa9\"}";
  const AnswerFacts facts = read("Converse", body, {}, 400);
  REQUIRE(facts.error_message);
  CHECK(*facts.error_message == std::string(4095, 'a'));
}

TEST_CASE("malformed and hostile JSON costs nothing but absence") {
  const Headers headers{{"X-Amzn-Bedrock-Input-Token-Count", "8"}};
  const std::string deep = std::string(1000000, '[');
  const std::string deep_usage = R"({"usage":)" + std::string(5000, '[') + std::string(5000, ']') + "}";
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("null"), std::string("[]"), std::string("\"x\""),
        std::string("\0", 1), std::string("\xff\xfe"), deep, deep_usage, std::string(R"({"usage":[]})"),
        std::string(R"({"usage":{"inputTokens":-1}})"), std::string(R"({"usage":{"input_tokens":"5"}})"),
        std::string(R"({"usage":{"prompt_tokens":1.5}})"), std::string(R"({"results":7,"inputTextTokenCount":{}})")}) {
    CAPTURE(body.substr(0, 40));
    const AnswerFacts facts = read("InvokeModel", body, headers);
    CHECK(facts.usage.input_tokens == 8u);
    CHECK(!facts.usage.disagrees);
    CHECK(!facts.usage.output_tokens);
    CHECK(!facts.stop_reason);
  }
}

TEST_CASE("sums that do not fit are not made") {
  const char* most = "18446744073709551615";
  const std::string converse = std::string(R"({"usage":{"inputTokens":)") + most + R"(,"outputTokens":1}})";
  CHECK(read("Converse", converse).usage.input_tokens == 18446744073709551615u);
  CHECK(!read("Converse", converse).usage.total_tokens);
  const std::string titan =
      std::string(R"({"inputTextTokenCount":1,"results":[{"tokenCount":)") + most + "},{\"tokenCount\":1}]}";
  CHECK(!read("InvokeModel", titan).usage.output_tokens);
  CHECK(read("ChatCompletions", R"({"usage":{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":5}}})")
            .usage.input_tokens == 1u);
}

TEST_CASE("every prefix of every body is read without harm, and a truncated one not at all") {
  for (const Family& family : kFamilies) {
    CAPTURE(family.name);
    const std::string body = family.body;
    for (std::size_t size = 0; size < body.size(); ++size) {
      const std::string prefix = body.substr(0, size);  // its own allocation: a read past it is seen
      CHECK(read("InvokeModel", prefix).usage.empty());
    }
    const Operation known = operation("InvokeModel");
    CHECK(read_answer(&known, {200, {}, body, true}).usage.empty());
  }
}

TEST_CASE("a request's body names its model where the path does not") {
  const auto facts =
      read_request(operation("ChatCompletions", Streaming::sse), R"({"model":"openai.gpt-oss-20b","stream":true})");
  CHECK(facts.model_id == "openai.gpt-oss-20b");
  CHECK(facts.stream == true);
  CHECK(read_request(operation("Messages", Streaming::sse), R"({"model":"m"})").stream == false);
  CHECK(read_request(operation("StartAsyncInvoke"), R"({"modelId":"amazon.nova-reel-v1:0"})").model_id ==
        "amazon.nova-reel-v1:0");
  CHECK(!read_request(operation("StartAsyncInvoke"), R"({"modelId":"a"})").stream);
  CHECK(!read_request(operation("InvokeModel"), R"({"model":"m"})").model_id);
  CHECK(!read_request(operation("Responses", Streaming::sse), R"({"model":7,)").model_id);
}
