#include "bedrock/body_usage.h"

#include <array>
#include <limits>

#include "bedrock/json_view.h"

namespace borehole::bedrock {

namespace {

namespace dom = simdjson::dom;

std::optional<std::uint64_t> first_count(dom::element element, std::string_view path,
                                         std::string_view other_path) noexcept {
  const auto count = json_count(element, path);
  return count ? count : json_count(element, other_path);
}

// A sum of counts that no body is large enough to overflow honestly; nullopt where one tries, or where none is told.
std::optional<std::uint64_t> summed(const dom::array& elements, std::string_view path) noexcept {
  std::optional<std::uint64_t> sum;
  for (const dom::element element : elements) {
    const auto count = json_count(element, path);
    if (!count) continue;
    if (*count > std::numeric_limits<std::uint64_t>::max() - sum.value_or(0)) return std::nullopt;
    sum = sum.value_or(0) + *count;
  }
  return sum;
}

// Converse, and Amazon Nova: {"inputTokens", "outputTokens", "cacheReadInputTokens" or "…TokenCount", …}
void read_converse_shape(dom::element counts, Usage& usage) noexcept {
  usage.input_tokens = json_count(counts, "inputTokens");
  usage.output_tokens = json_count(counts, "outputTokens");
  usage.total_tokens = json_count(counts, "totalTokens");
  usage.cache_read_tokens = first_count(counts, "cacheReadInputTokens", "cacheReadInputTokenCount");
  usage.cache_write_tokens = first_count(counts, "cacheWriteInputTokens", "cacheWriteInputTokenCount");
  if (const auto details = json_array(counts, "cacheDetails")) {
    for (const dom::element detail : *details) {
      if (json_string(detail, "ttl") == "1h") usage.cache_write_1h_tokens = json_count(detail, "inputTokens");
    }
  }
}

// Cached tokens are counted in with the prompt here; taken out, they mean what the other shapes mean.
void take_out_cached(Usage& usage, std::optional<std::uint64_t> cached) noexcept {
  usage.cache_read_tokens = cached;
  if (cached && usage.input_tokens && *cached <= *usage.input_tokens) *usage.input_tokens -= *cached;
}

// Anthropic Messages and OpenAI Responses: {"input_tokens", "output_tokens", …}
void read_messages_shape(dom::element counts, Usage& usage) noexcept {
  usage.input_tokens = json_count(counts, "input_tokens");
  usage.output_tokens = json_count(counts, "output_tokens");
  usage.total_tokens = json_count(counts, "total_tokens");
  if (json_at(counts, "input_tokens_details")) {
    take_out_cached(usage, json_count(counts, "input_tokens_details/cached_tokens"));
    return;
  }
  usage.cache_read_tokens = json_count(counts, "cache_read_input_tokens");
  usage.cache_write_tokens = json_count(counts, "cache_creation_input_tokens");
  usage.cache_write_1h_tokens = json_count(counts, "cache_creation/ephemeral_1h_input_tokens");
}

// OpenAI chat completions, and Mistral, Qwen, DeepSeek, AI21 Jamba: {"prompt_tokens", "completion_tokens", …}
void read_chat_shape(dom::element counts, Usage& usage) noexcept {
  usage.input_tokens = json_count(counts, "prompt_tokens");
  usage.output_tokens = json_count(counts, "completion_tokens");
  usage.total_tokens = json_count(counts, "total_tokens");
  take_out_cached(usage, json_count(counts, "prompt_tokens_details/cached_tokens"));
}

// Amazon Titan, text and embeddings.
void read_titan_shape(dom::element body, Usage& usage) noexcept {
  usage.input_tokens = json_count(body, "inputTextTokenCount");
  if (const auto results = json_array(body, "results")) usage.output_tokens = summed(*results, "tokenCount");
}

// AI21 Jurassic-2 lists its tokens.
void read_jurassic_shape(dom::element body, Usage& usage) noexcept {
  const auto prompt = json_array(body, "prompt/tokens");
  const auto completions = json_array(body, "completions");
  if (!prompt || !completions) return;
  usage.input_tokens = prompt->size();
  std::uint64_t output = 0;
  for (const dom::element completion : *completions) {
    if (const auto tokens = json_array(completion, "data/tokens")) output += tokens->size();
  }
  usage.output_tokens = output;
}

}  // namespace

Usage body_usage(dom::element body) noexcept {
  Usage usage;
  const auto counts = json_at(body, "usage");
  const auto has = [&](std::string_view name, std::string_view other_name) {
    return counts && (json_at(*counts, name) || json_at(*counts, other_name));
  };
  if (has("inputTokens", "outputTokens")) {
    read_converse_shape(*counts, usage);
  } else if (has("input_tokens", "output_tokens")) {
    read_messages_shape(*counts, usage);
  } else if (has("prompt_tokens", "completion_tokens")) {
    read_chat_shape(*counts, usage);
  } else if (json_at(body, "inputTextTokenCount")) {
    read_titan_shape(body, usage);
  } else if (json_at(body, "prompt_token_count") || json_at(body, "generation_token_count")) {  // Meta Llama
    usage.input_tokens = json_count(body, "prompt_token_count");
    usage.output_tokens = json_count(body, "generation_token_count");
  } else if (json_at(body, "meta/billed_units")) {  // Cohere
    usage.input_tokens = json_count(body, "meta/billed_units/input_tokens");
    usage.output_tokens = json_count(body, "meta/billed_units/output_tokens");
  } else {
    read_jurassic_shape(body, usage);
  }
  // Embeddings have no output to count: Titan (embedding, embeddingsByType), Cohere (embeddings).
  if (!usage.output_tokens &&
      (json_at(body, "embedding") || json_at(body, "embeddingsByType") || json_at(body, "embeddings"))) {
    usage.output_tokens = 0;
  }
  return usage;
}

std::optional<std::string_view> body_stop_reason(dom::element body) noexcept {
  static constexpr std::array<std::string_view, 11> paths{
      "stopReason",                         // Converse, Nova
      "stop_reason",                        // Anthropic, Llama
      "choices/0/finish_reason",            // OpenAI-shaped, AI21 Jamba
      "choices/0/stop_reason",              // Mistral chat, DeepSeek-R1
      "outputs/0/stop_reason",              // Mistral text
      "results/0/completionReason",         // Titan text
      "generations/0/finish_reason",        // Cohere Command
      "finish_reason",                      // Cohere Command R
      "completions/0/finishReason/reason",  // Jurassic-2
      "finish_reasons/0",                   // Stability: null where all is well
      "incomplete_details/reason",          // OpenAI Responses, cut short
  };
  for (const std::string_view path : paths) {
    if (const auto reason = json_string(body, path)) return reason;
  }
  if (json_string(body, "object") == "response") return json_string(body, "status");  // OpenAI Responses
  return std::nullopt;
}

bool members_priced_otherwise(dom::element body) noexcept {
  const auto tier = json_string(body, "serviceTier/type");
  const auto latency = json_string(body, "performanceConfig/latency");
  return (tier && *tier != "default") || (latency && *latency != "standard");
}

}  // namespace borehole::bedrock
