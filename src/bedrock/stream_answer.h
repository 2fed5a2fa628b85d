// Puts a model's answer together from the messages of its stream; never throws, never loses what it does not know the
// shape of, never counts a token itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "bedrock/answer_block.h"
#include "bedrock/usage.h"

namespace borehole::bedrock {

struct StreamEvent {
  std::string name;     // of the message; empty where it has none
  std::string payload;  // at most StreamAnswer::max_unknown_bytes, cut between characters
};

struct StreamedAnswer {
  std::string role;
  std::vector<AnswerBlock> blocks;
  // Usage with its source and what differs, stop reason, model, latency; error type and message of an exception.
  AnswerFacts facts;
  std::string guardrail_action;      // "INTERVENED", "NONE": as AWS writes it; empty where nothing is told
  std::string exception;             // as the stream names it: "throttlingException"; empty: none
  bool ended = false;                // the model's end was seen: a stop reason, a last message
  bool shortened = false;            // there was more content than is kept
  std::vector<std::string> tools;    // names of those that the client offers in its own stream
  std::vector<StreamEvent> unknown;  // events of no known shape: the first of them
  std::uint64_t unknown_events = 0;  // all of them
};

// Knows, by their shape and whichever model is said to answer: Converse; chunks of Anthropic (messages and text), Nova,
// Titan, Llama, Mistral, Cohere, AI21, DeepSeek, OpenAI (chat and responses); agents, flows, knowledge bases; Nova
// Sonic, in both directions.
class StreamAnswer {
 public:
  static constexpr std::size_t max_blocks = 4096;
  static constexpr std::size_t max_unknown = 32;
  static constexpr std::size_t max_unknown_bytes = 4096;

  StreamAnswer();
  ~StreamAnswer();
  StreamAnswer(const StreamAnswer&) = delete;
  StreamAnswer& operator=(const StreamAnswer&) = delete;

  // An event's name (`contentBlockDelta`, `chunk`; of text/event-stream the `event:`) and its payload. True where it
  // brought something that the model made.
  bool add_event(std::string_view name, Bytes payload) noexcept;
  // A message of the kind exception, with its payload.
  void add_exception(std::string_view name, Bytes payload) noexcept;
  // A message of the kind error: nothing but a code and a text.
  void add_error(std::string_view code, std::string_view message) noexcept;
  // The content so far; the text of the last ones may still grow.
  const std::vector<AnswerBlock>& blocks() const noexcept;
  // From here on content is left out; usage, stop reason and exceptions still count.
  void leave_content_out() noexcept;

  // `facts.usage` is brought together: Converse's own before invocation metrics before `headers` before what the
  // model's events tell. To be called once, last.
  StreamedAnswer take(Usage headers) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;  // null: there was no memory for it
};

}  // namespace borehole::bedrock
