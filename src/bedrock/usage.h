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

// Counts that the answer does not tell are nullopt, never 0. `input_tokens` is without cached tokens, as Converse and
// Anthropic count; an OpenAI-shaped answer, which counts them in, has them taken out.
struct Usage {
  std::optional<std::uint64_t> input_tokens;
  std::optional<std::uint64_t> output_tokens;
  std::optional<std::uint64_t> cache_read_tokens;
  std::optional<std::uint64_t> cache_write_tokens;
  std::optional<std::uint64_t> cache_write_1h_tokens;  // the part of cache_write_tokens that is kept for an hour
  std::optional<std::uint64_t> total_tokens;           // as told; else the sum, where input and output are known
  // The best source that told a count: "converse", "invocation_metrics" (of a stream's last chunk), "headers", "body",
  // "trace" (of an agent); "count_tokens" of an answer that counts for a call that was not made; else empty.
  std::string source;
  bool disagrees = false;  // two sources told different numbers of one count

  bool empty() const noexcept {
    return !input_tokens && !output_tokens && !cache_read_tokens && !cache_write_tokens && !total_tokens;
  }
};

struct AnswerFacts {
  Usage usage;
  std::optional<Usage> other_usage;        // what the lesser source told, where it disagrees
  std::optional<std::string> stop_reason;  // as the model wrote it
  // What a guardrail did, as AWS writes it: "INTERVENED", "GUARDRAIL_INTERVENED", "NONE".
  std::optional<std::string> guardrail_action;
  std::optional<std::string> model_id;      // the model that answered, as it names itself: not always a Bedrock id
  std::optional<std::uint64_t> latency_ms;  // as AWS reports it
  std::optional<std::uint64_t> images;      // made, where the answer lists them
  bool priced_otherwise = false;            // of another service tier than the default, or of optimised latency
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

// `operation` may be null (not recognised): then only error, count headers and latency are read. Priority of usage:
// Converse's body, then headers, then the body by its shape, whichever model it is said to be of (the ids of imported
// and custom models do not tell). Malformed JSON costs nothing but absence. Bodies above 64 MiB are not parsed.
AnswerFacts read_answer(const Operation* operation, const AnswerView& answer) noexcept;

// The counts that an answer's header fields tell, with "headers" as their source; empty where they tell none.
Usage header_usage(Fields fields);

// Whether header fields, of a request or an answer, name another service tier than the default, or optimised latency.
bool priced_otherwise(Fields fields) noexcept;

// What a request's body tells that its head does not.
struct RequestFacts {
  std::optional<std::string> model_id;  // where the path has none: OpenAI- and Anthropic-shaped, asynchronous, agents
  std::optional<bool> stream;           // OpenAI- and Anthropic-shaped requests
};
RequestFacts read_request(const Operation& operation, Bytes body) noexcept;

}  // namespace borehole::bedrock
