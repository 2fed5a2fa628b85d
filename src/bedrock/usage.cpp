#include "bedrock/usage.h"

#include <algorithm>
#include <array>
#include <utility>

#include "bedrock/body_usage.h"
#include "bedrock/json_view.h"
#include "bedrock/text.h"
#include "bedrock/usage_sources.h"

namespace borehole::bedrock {

namespace {

namespace dom = simdjson::dom;
using Count = std::optional<std::uint64_t>;

bool counts_tokens(const Operation& operation) noexcept {
  return operation.name == "CountTokens" || operation.name == "CountMessageTokens";
}

// The operations whose answers tell what an inference cost.
bool spends_tokens(const Operation& operation) noexcept {
  static constexpr std::array<std::string_view, 5> names{"InvokeModel", "Converse", "ChatCompletions", "Responses",
                                                         "Messages"};
  return std::find(names.begin(), names.end(), operation.name) != names.end();
}

Count header_count(Fields fields, std::string_view name) noexcept {
  const auto value = find_field(fields, name);
  return value ? parse_decimal(*value) : std::nullopt;
}

// "com.amazon.coral#ThrottlingException:http://…" → "ThrottlingException"
std::string error_name(std::string_view text) {
  text = text.substr(0, text.find(':'));
  const std::size_t hash = text.find('#');
  if (hash != std::string_view::npos) text.remove_prefix(hash + 1);
  return capped(trimmed(text), max_word);
}

template <std::size_t Size>
std::optional<std::string_view> first_string(dom::element body, const std::array<std::string_view, Size>& paths) {
  for (const std::string_view path : paths) {
    const auto text = json_string(body, path);
    if (text && !text->empty()) return text;
  }
  return std::nullopt;
}

void read_error(const AnswerView& answer, const std::optional<dom::element>& body, AnswerFacts& facts) {
  // AWS REST-JSON; a coral service that does not know the path; the shapes of OpenAI and Anthropic
  static constexpr std::array<std::string_view, 6> types{"__type",        "code",       "Code",
                                                         "Output/__type", "error/type", "error/code"};
  static constexpr std::array<std::string_view, 4> messages{"message", "Message", "error/message", "errorMessage"};
  if (const auto type = find_field(answer.fields, "x-amzn-errortype"); type && !type->empty()) {
    facts.error_type = error_name(*type);
  } else if (body) {
    if (const auto name = first_string(*body, types)) facts.error_type = error_name(*name);
  }
  if (!body) return;
  if (const auto message = first_string(*body, messages)) facts.error_message = capped(*message, max_error_message);
}

// Guardrails speak in the answers of operations that spend no tokens, too.
void read_guardrail(const Operation& operation, dom::element body, AnswerFacts& facts) {
  static constexpr std::array<std::string_view, 2> paths{"amazon-bedrock-guardrailAction", "guardrailAction"};
  auto action = first_string(body, paths);
  if (operation.name == "ApplyGuardrail") action = json_string(body, "action");
  if (operation.name == "Converse" && facts.stop_reason == "guardrail_intervened") action = "INTERVENED";
  if (action) facts.guardrail_action = capped(*action, max_word);
}

// Anthropic's own answer has the name in its own style.
Usage counted(dom::element body) {
  Usage usage;
  usage.input_tokens = json_count(body, "inputTokens");
  if (!usage.input_tokens) usage.input_tokens = json_count(body, "input_tokens");
  if (usage.input_tokens) usage.source = "count_tokens";
  return usage;
}

void read_success(const Operation& operation, dom::element body, AnswerFacts& facts, Usage& usage) {
  const bool converse = operation.name == "Converse";
  usage = body_usage(body);
  if (!usage.empty()) usage.source = converse ? "converse" : "body";
  if (const auto reason = body_stop_reason(body)) facts.stop_reason = capped(*reason, max_word);
  const auto model = json_string(body, converse ? "trace/promptRouter/invokedModelId" : "model");
  if (model && !model->empty()) facts.model_id = capped(*model, max_model_id);
  if (converse && !facts.latency_ms) facts.latency_ms = json_count(body, "metrics/latencyMs");
  if (members_priced_otherwise(body)) facts.priced_otherwise = true;
  for (const std::string_view path : {"images", "artifacts"}) {
    if (const auto images = json_array(body, path)) facts.images = images->size();
  }
}

AnswerFacts read_any_answer(const Operation* operation, const AnswerView& answer) {
  AnswerFacts facts;
  facts.latency_ms = header_count(answer.fields, "x-amzn-bedrock-invocation-latency");
  facts.priced_otherwise = priced_otherwise(answer.fields);
  const bool failed = answer.status >= 400;
  const bool answered = operation != nullptr && answer.status / 100 == 2;
  const bool spends = answered && spends_tokens(*operation);
  const bool counts = answered && counts_tokens(*operation);
  const bool guarded = answered && (operation->name == "ApplyGuardrail" || operation->name == "RetrieveAndGenerate");
  const bool read = failed || spends || counts || guarded;
  const JsonDocument document(read && !answer.body_truncated ? answer.body : Bytes{});
  if (failed) read_error(answer, document.root(), facts);

  Usage second;
  if (spends && document.root()) read_success(*operation, *document.root(), facts, second);
  if (counts && document.root()) {
    facts.usage = counted(*document.root());
    return facts;
  }
  if ((spends || guarded) && document.root()) read_guardrail(*operation, *document.root(), facts);
  Usage first = header_usage(answer.fields);
  if (second.source == "converse") std::swap(first, second);
  facts.usage = std::move(first);
  add_usage(facts, std::move(second));
  add_total(facts.usage);
  return facts;
}

struct ModelPath {
  std::string_view operation;
  std::string_view path;
};
constexpr std::array kModelPaths{
    ModelPath{"ChatCompletions", "model"},
    ModelPath{"Responses", "model"},
    ModelPath{"Messages", "model"},
    ModelPath{"CountMessageTokens", "model"},
    ModelPath{"StartAsyncInvoke", "modelId"},
    ModelPath{"InvokeInlineAgent", "foundationModel"},
    ModelPath{"OptimizePrompt", "targetModelId"},
    ModelPath{"RetrieveAndGenerate", "retrieveAndGenerateConfiguration/knowledgeBaseConfiguration/modelArn"},
    ModelPath{"RetrieveAndGenerateStream", "retrieveAndGenerateConfiguration/knowledgeBaseConfiguration/modelArn"},
    ModelPath{"Rerank", "rerankingConfiguration/bedrockRerankingConfiguration/modelConfiguration/modelArn"},
};

}  // namespace

Usage header_usage(Fields fields) {
  Usage usage;
  usage.input_tokens = header_count(fields, "x-amzn-bedrock-input-token-count");
  usage.output_tokens = header_count(fields, "x-amzn-bedrock-output-token-count");
  usage.cache_read_tokens = header_count(fields, "x-amzn-bedrock-cache-read-input-token-count");
  usage.cache_write_tokens = header_count(fields, "x-amzn-bedrock-cache-write-input-token-count");
  if (!usage.empty()) usage.source = "headers";
  return usage;
}

bool priced_otherwise(Fields fields) noexcept {
  const auto tier = find_field(fields, "x-amzn-bedrock-service-tier");
  const auto latency = find_field(fields, "x-amzn-bedrock-performanceconfig-latency");
  return (tier && *tier != "default") || (latency && *latency != "standard");
}

AnswerFacts read_answer(const Operation* operation, const AnswerView& answer) noexcept {
  try {
    return read_any_answer(operation, answer);
  } catch (...) {  // out of memory: looking never hurts
    return {};
  }
}

RequestFacts read_request(const Operation& operation, Bytes body) noexcept {
  try {
    RequestFacts facts;
    const auto row = std::find_if(kModelPaths.begin(), kModelPaths.end(),
                                  [&](const ModelPath& known) { return known.operation == operation.name; });
    if (row == kModelPaths.end()) return facts;
    const JsonDocument document(body);
    if (!document.root()) return facts;
    const auto model = json_string(*document.root(), row->path);
    if (model && !model->empty()) facts.model_id = capped(*model, max_model_id);
    if (operation.streaming == Streaming::sse) facts.stream = json_bool(*document.root(), "stream").value_or(false);
    return facts;
  } catch (...) {  // out of memory
    return {};
  }
}

}  // namespace borehole::bedrock
