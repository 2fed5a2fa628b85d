#include <array>

#include "bedrock/body_usage.h"
#include "bedrock/json_view.h"
#include "bedrock/stream_state.h"
#include "bedrock/usage_sources.h"

namespace borehole::bedrock {

namespace {

namespace dom = simdjson::dom;
using Kind = AnswerBlock::Kind;

// Lanes of BlockPlace.
constexpr std::uint64_t kReasoning = 0;
constexpr std::uint64_t kText = 1;
constexpr std::uint64_t kCall = 2;

std::string_view text_at(dom::element element, std::string_view path) {
  return json_string(element, path).value_or(std::string_view{});
}

// ---- ConverseStream

bool read_converse_reasoning(StreamState& state, const BlockPlace& place, dom::element reasoning) {
  bool content = state.add_text(place, Kind::thinking, text_at(reasoning, "text"));
  const auto signature = json_string(reasoning, "signature");
  const auto redacted = json_string(reasoning, "redactedContent");
  if (!signature && !redacted) return content;
  AnswerBlock* const block = state.block(place, Kind::thinking);
  if (block == nullptr) return content || redacted;
  if (signature) block->signature += *signature;
  if (redacted) block->redacted += *redacted;
  return content || redacted;
}

bool read_converse_delta(StreamState& state, dom::element body) {
  const BlockPlace place{0, 0, json_count(body, "contentBlockIndex").value_or(0)};
  const auto delta = json_at(body, "delta");
  if (!delta) return false;
  bool content = false;
  if (const auto text = json_string(*delta, "text")) content = state.add_text(place, Kind::text, *text) || content;
  if (const auto input = json_string(*delta, "toolUse/input")) {
    content = state.add_text(place, Kind::tool_use, *input) || content;
  }
  if (const auto reasoning = json_at(*delta, "reasoningContent")) {
    content = read_converse_reasoning(state, place, *reasoning) || content;
  }
  if (const auto citation = json_at(*delta, "citation")) content = state.add_citation(place, *citation) || content;
  for (const std::string_view name : {"toolResult", "image"}) {
    const auto other = json_at(*delta, name);
    if (!other) continue;
    AnswerBlock* const block = state.block(place, Kind::other);
    if (block != nullptr && !block->text.empty()) block->text += '\n';
    if (block != nullptr) block->text += simdjson::minify(*other);
    content = true;
  }
  return content;
}

bool read_converse_start(StreamState& state, dom::element body) {
  const BlockPlace place{0, 0, json_count(body, "contentBlockIndex").value_or(0)};
  if (const auto tool = json_at(body, "start/toolUse")) {
    state.set_tool(place, json_string(*tool, "toolUseId"), json_string(*tool, "name"));
    return true;
  }
  for (const std::string_view name : {"start/toolResult", "start/image"}) {
    const auto other = json_at(body, name);
    if (!other) continue;
    if (AnswerBlock* const block = state.block(place, Kind::other)) block->text += simdjson::minify(*other);
    return true;
  }
  return false;
}

void read_converse_metadata(StreamState& state, dom::element body) {
  replace_usage(state.metadata, body_usage(body));
  if (const auto latency = json_count(body, "metrics/latencyMs")) state.answer.facts.latency_ms = latency;
  state.set_model(json_string(body, "trace/promptRouter/invokedModelId"));
  if (members_priced_otherwise(body)) state.answer.facts.priced_otherwise = true;
  state.answer.ended = true;
}

// ---- Anthropic Messages

bool read_messages_start(StreamState& state, const BlockPlace& place, dom::element block) {
  const std::string_view type = text_at(block, "type");
  if (type == "text") return state.add_text(place, Kind::text, text_at(block, "text"));
  if (type == "thinking") return state.add_text(place, Kind::thinking, text_at(block, "thinking"));
  if (type == "redacted_thinking") {
    if (AnswerBlock* const into = state.block(place, Kind::thinking)) into->redacted += text_at(block, "data");
    return true;
  }
  if (type == "tool_use" || type == "server_tool_use" || type == "mcp_tool_use") {
    state.set_tool(place, json_string(block, "id"), json_string(block, "name"));
    return true;
  }
  if (AnswerBlock* const into = state.block(place, Kind::other)) into->text = simdjson::minify(block);
  return true;
}

bool read_messages_delta(StreamState& state, const BlockPlace& place, dom::element delta) {
  const std::string_view type = text_at(delta, "type");
  if (type == "text_delta") return state.add_text(place, Kind::text, text_at(delta, "text"));
  if (type == "input_json_delta") return state.add_text(place, Kind::tool_use, text_at(delta, "partial_json"));
  if (type == "thinking_delta") return state.add_text(place, Kind::thinking, text_at(delta, "thinking"));
  if (type == "signature_delta") {
    if (AnswerBlock* const into = state.block(place, Kind::thinking)) into->signature += text_at(delta, "signature");
    return false;
  }
  if (type == "citations_delta") {
    const auto citation = json_at(delta, "citation");
    return citation && state.add_citation(place, *citation);
  }
  state.add_unknown("content_block_delta", simdjson::minify(delta));
  return true;
}

Reading read_messages_event(StreamState& state, std::string_view type, dom::element body) {
  const BlockPlace place{0, 0, json_count(body, "index").value_or(0)};
  if (type == "message_start") {
    if (const auto message = json_at(body, "message")) {
      state.set_role(json_string(*message, "role"));
      state.set_model(json_string(*message, "model"));
      Usage usage = body_usage(*message);
      usage.output_tokens.reset();  // a count of what has been made by now, which is next to nothing
      replace_usage(state.model, usage);
    }
    return Reading::known;
  }
  if (type == "content_block_start") {
    const auto block = json_at(body, "content_block");
    return known(block && read_messages_start(state, place, *block));
  }
  if (type == "content_block_delta") {
    const auto delta = json_at(body, "delta");
    return known(delta && read_messages_delta(state, place, *delta));
  }
  if (type == "message_delta") {
    replace_usage(state.model, body_usage(body));  // cumulative: the last one counts
    if (const auto reason = json_string(body, "delta/stop_reason")) state.stop(reason);
    return Reading::known;
  }
  if (type == "message_stop") {
    state.stop(std::nullopt);
    return Reading::known;
  }
  if (type == "error") {  // OpenAI Responses has one of this name without the inner object
    const bool inner = json_at(body, "error").has_value();
    const std::string_view name = inner ? text_at(body, "error/type") : text_at(body, "code");
    state.fail(name.empty() ? type : name, name, text_at(body, inner ? "error/message" : "message"));
    return Reading::known;
  }
  return type == "content_block_stop" || type == "ping" ? Reading::known : Reading::unknown;
}

// ---- OpenAI Responses

Reading read_responses_event(StreamState& state, std::string_view type, dom::element body) {
  const std::uint64_t item = json_count(body, "output_index").value_or(0);
  if (type == "response.output_text.delta" || type == "response.refusal.delta") {
    return known(state.add_text({0, kText, item}, Kind::text, text_at(body, "delta")));
  }
  if (type == "response.reasoning_text.delta" || type == "response.reasoning_summary_text.delta") {
    return known(state.add_text({0, kReasoning, item}, Kind::thinking, text_at(body, "delta")));
  }
  if (type == "response.function_call_arguments.delta") {
    return known(state.add_text({0, kCall, item}, Kind::tool_use, text_at(body, "delta")));
  }
  if (type == "response.output_item.added") {
    if (text_at(body, "item/type") == "message") state.set_role(json_string(body, "item/role"));
    if (text_at(body, "item/type") != "function_call") return Reading::known;
    state.set_tool({0, kCall, item}, json_string(body, "item/call_id"), json_string(body, "item/name"));
    return Reading::content;
  }
  if (type == "response.output_text.annotation.added") {
    const auto annotation = json_at(body, "annotation");
    return known(annotation && state.add_citation({0, kText, item}, *annotation));
  }
  const auto response = json_at(body, "response");
  if (!response) return Reading::known;  // what repeats or frames the portions
  state.set_model(json_string(*response, "model"));
  replace_usage(state.model, body_usage(*response));
  if (type == "response.failed") {
    state.fail(text_at(*response, "error/code"), text_at(*response, "error/code"), text_at(*response, "error/message"));
  }
  if (type == "response.completed" || type == "response.incomplete" || type == "response.failed") {
    state.stop(body_stop_reason(*response));
  }
  return Reading::known;
}

// ---- OpenAI chat, and what is shaped like it: Mistral, DeepSeek, Qwen, AI21 Jamba

bool read_chat_calls(StreamState& state, std::uint64_t choice, dom::element delta) {
  const auto calls = json_array(delta, "tool_calls");
  if (!calls) return false;
  bool content = false;
  std::uint64_t number = 0;
  for (const dom::element call : *calls) {
    const BlockPlace place{choice, kCall, json_count(call, "index").value_or(number)};
    const auto id = json_string(call, "id");
    const auto name = json_string(call, "function/name");
    if (id || name) state.set_tool(place, id, name);
    content = state.add_text(place, Kind::tool_use, text_at(call, "function/arguments")) || content || name;
    ++number;
  }
  return content;
}

bool read_chat_choice(StreamState& state, dom::element choice) {
  const std::uint64_t number = json_count(choice, "index").value_or(0);
  bool content = state.add_text({number, kText, 0}, Kind::text, text_at(choice, "text"));  // DeepSeek-R1
  for (const std::string_view member : {"delta", "message"}) {
    const auto delta = json_at(choice, member);
    if (!delta) continue;
    state.set_role(json_string(*delta, "role"));
    for (const std::string_view name : {"reasoning_content", "reasoning"}) {
      content = state.add_text({number, kReasoning, 0}, Kind::thinking, text_at(*delta, name)) || content;
    }
    content = state.add_text({number, kText, 0}, Kind::text, text_at(*delta, "content")) || content;
    content = state.add_text({number, kText, 0}, Kind::text, text_at(*delta, "refusal")) || content;
    content = read_chat_calls(state, number, *delta) || content;
  }
  return content;
}

// ---- Text alone

// Where the models that give nothing but text have it.
constexpr std::array<std::string_view, 4> kTextPaths{
    "outputText",  // Titan
    "generation",  // Llama
    "completion",  // Anthropic text
    "text",        // Cohere
};

bool read_cohere_calls(StreamState& state, dom::element body) {
  const auto calls = json_array(body, "tool_calls");
  if (!calls) return false;
  std::uint64_t number = 0;
  for (const dom::element call : *calls) {
    const BlockPlace place{0, kCall, number++};
    state.set_tool(place, std::nullopt, json_string(call, "name"));
    if (const auto parameters = json_at(call, "parameters")) {
      state.add_text(place, Kind::tool_use, simdjson::minify(*parameters));
    }
  }
  return number != 0;
}

Reading read_text_event(StreamState& state, dom::element body) {
  bool is_known = false;
  bool content = false;
  for (const std::string_view path : kTextPaths) {
    const auto text = json_string(body, path);
    if (!text) continue;
    is_known = true;
    content = state.add_text({0, kText, 0}, Kind::text, *text) || content;
  }
  if (const auto outputs = json_array(body, "outputs")) {  // Mistral text
    is_known = true;
    std::uint64_t number = 0;
    for (const dom::element output : *outputs) {
      content = state.add_text({number++, kText, 0}, Kind::text, text_at(output, "text")) || content;
    }
  }
  if (json_string(body, "event_type") || json_bool(body, "is_finished")) {  // Cohere
    is_known = true;
    content = read_cohere_calls(state, body) || content;
    if (const auto citations = json_array(body, "citations")) {
      for (const dom::element citation : *citations) content = state.add_citation({0, kText, 0}, citation) || content;
    }
    if (const auto response = json_at(body, "response")) replace_usage(state.model, body_usage(*response));
  }
  return is_known ? known(content) : Reading::unknown;
}

// What AWS puts beside a model's own members. True where there is any.
bool read_amazons_members(StreamState& state, dom::element body) {
  const auto action = json_string(body, "amazon-bedrock-guardrailAction");
  if (action) state.answer.guardrail_action = capped(*action, max_word);
  const auto metrics = json_at(body, "amazon-bedrock-invocationMetrics");
  if (!metrics) return action.has_value();
  state.metrics.input_tokens = json_count(*metrics, "inputTokenCount");
  state.metrics.output_tokens = json_count(*metrics, "outputTokenCount");
  state.metrics.cache_read_tokens = json_count(*metrics, "cacheReadInputTokenCount");
  state.metrics.cache_write_tokens = json_count(*metrics, "cacheWriteInputTokenCount");
  if (const auto latency = json_count(*metrics, "invocationLatency")) state.answer.facts.latency_ms = latency;
  state.answer.ended = true;
  return true;
}

Reading read_by_shape(StreamState& state, dom::element body) {
  dom::object named;
  if (const auto event = json_at(body, "event"); event && event->get(named) == simdjson::SUCCESS) {  // Nova Sonic
    for (const auto& [key, value] : named) {
      const Reading reading = read_speech_event(state, key, value);
      if (reading != Reading::unknown) return reading;
    }
  }
  const std::string_view type = text_at(body, "type");
  if (type.starts_with("response.")) return read_responses_event(state, type, body);
  if (!type.empty()) {
    const Reading reading = read_messages_event(state, type, body);
    if (reading != Reading::unknown) return reading;
  }
  dom::object object;
  if (body.get(object) == simdjson::SUCCESS) {  // Nova: Converse's events, each under its name
    for (const auto& [key, value] : object) {
      const Reading reading = read_converse_event(state, key, value);
      if (reading != Reading::unknown) return reading;
    }
  }
  if (json_string(body, "error/message")) {  // OpenAI, in the middle of a stream
    const std::string_view name = text_at(body, "error/type");
    state.fail(name.empty() ? "error" : name, name, text_at(body, "error/message"));
    return Reading::known;
  }

  bool content = false;
  Reading reading = Reading::unknown;
  if (const auto choices = json_array(body, "choices")) {
    for (const dom::element choice : *choices) content = read_chat_choice(state, choice) || content;
    state.set_model(json_string(body, "model"));
    reading = known(content);
  } else {
    reading = read_text_event(state, body);
  }
  Usage usage = body_usage(body);
  if (const auto titan = json_count(body, "totalOutputTextTokenCount")) usage.output_tokens = titan;
  if (reading == Reading::unknown && usage.empty()) return reading;
  replace_usage(state.model, usage);
  auto reason = body_stop_reason(body);
  if (!reason) reason = json_string(body, "completionReason");  // Titan
  if (reason) state.stop(reason);
  return reading == Reading::unknown ? Reading::known : reading;
}

}  // namespace

Reading read_converse_event(StreamState& state, std::string_view name, dom::element body) {
  if (name == "contentBlockDelta") return known(read_converse_delta(state, body));
  if (name == "contentBlockStart") return known(read_converse_start(state, body));
  if (name == "contentBlockStop") return Reading::known;
  if (name == "messageStart") {
    state.set_role(json_string(body, "role"));
    return Reading::known;
  }
  if (name == "messageStop") {
    const auto reason = json_string(body, "stopReason");
    state.stop(reason);
    if (reason == "guardrail_intervened") state.answer.guardrail_action = "INTERVENED";
    return Reading::known;
  }
  if (name == "metadata") {
    read_converse_metadata(state, body);
    return Reading::known;
  }
  return Reading::unknown;
}

Reading read_model_event(StreamState& state, dom::element body) {
  const bool amazons = read_amazons_members(state, body);
  const Reading reading = read_by_shape(state, body);
  return amazons && reading == Reading::unknown ? Reading::known : reading;
}

}  // namespace borehole::bedrock
