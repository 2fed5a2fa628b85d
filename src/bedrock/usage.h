// Token counts, stop reason and error of an answer that is not streamed; never throws, never invents a number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "bedrock/fields.h"
#include "bedrock/operation.h"

namespace borehole::bedrock {

// Counts that the answer does not tell are nullopt, never 0. `input_tokens` is without cached tokens where the provider
// counts so (Converse, Anthropic); an OpenAI-shaped answer's cached tokens are taken out of it, to mean the same.
struct Usage {
  std::optional<std::uint64_t> input_tokens;
  std::optional<std::uint64_t> output_tokens;
  std::optional<std::uint64_t> cache_read_tokens;
  std::optional<std::uint64_t> cache_write_tokens;
  std::optional<std::uint64_t> cache_write_1h_tokens;  // the part of cache_write_tokens kept for an hour
  std::optional<std::uint64_t> total_tokens;           // as told; else the sum of the counts above it
  // The best source that told input or output: "converse", "headers" or "body"; empty where none did.
  std::string source;
  bool disagrees = false;  // two sources told different numbers of one count; the better one's stands here

  bool empty() const noexcept {
    return !input_tokens && !output_tokens && !cache_read_tokens && !cache_write_tokens && !total_tokens;
  }
};

struct AnswerFacts {
  Usage usage;
  std::optional<std::string> stop_reason;   // as the model wrote it
  std::optional<std::string> model_id;      // the model that answered, where the body tells
  std::optional<std::uint64_t> latency_ms;  // as AWS reports it
  std::optional<std::string> error_type;    // "ThrottlingException": without namespace and URI
  std::optional<std::string> error_message;
};

// A whole answer. The body is content-decoded (no gzip); a truncated one is not parsed.
struct AnswerView {
  int status = 0;
  Fields fields;
  Bytes body;
  bool body_truncated = false;
};

// `operation` may be null (not recognised): then only errors and count headers are read. Priority of usage: Converse's
// body, then headers, then the body by the shape of its family, whichever model it is said to be. Malformed JSON costs
// nothing but absence. Bodies above 64 MiB are not parsed.
AnswerFacts read_answer(const Operation* operation, const AnswerView& answer);

// What a request's body tells that its head does not.
struct RequestFacts {
  std::optional<std::string> model_id;  // StartAsyncInvoke, OpenAI- and Anthropic-shaped requests
  std::optional<bool> stream;           // OpenAI- and Anthropic-shaped requests
};
RequestFacts read_request(const Operation& operation, Bytes body);

}  // namespace borehole::bedrock
