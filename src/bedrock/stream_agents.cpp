#include <limits>
#include <string>

#include "bedrock/json_view.h"
#include "bedrock/stream_state.h"
#include "bedrock/usage_sources.h"

namespace borehole::bedrock {

namespace {

namespace dom = simdjson::dom;

void add_count(std::optional<std::uint64_t>& sum, std::optional<std::uint64_t> more) noexcept {
  if (more && *more <= std::numeric_limits<std::uint64_t>::max() - sum.value_or(0)) sum = sum.value_or(0) + *more;
}

// The usage of each model that an agent called stands in an object named `metadata` somewhere in its traces.
void add_trace_usage(StreamState& state, dom::element element, int depth) {
  dom::object object;
  dom::array array;
  if (depth == 0) return;
  if (element.get(object) == simdjson::SUCCESS) {
    for (const auto& [key, value] : object) {
      if (key == "metadata") {
        add_count(state.trace.input_tokens, json_count(value, "usage/inputTokens"));
        add_count(state.trace.output_tokens, json_count(value, "usage/outputTokens"));
      } else {
        add_trace_usage(state, value, depth - 1);
      }
    }
  } else if (element.get(array) == simdjson::SUCCESS) {
    for (const dom::element item : array) add_trace_usage(state, item, depth - 1);
  }
}

}  // namespace

Reading read_agent_event(StreamState& state, std::string_view name, dom::element body) {
  if (name == "trace" || name == "flowTraceEvent" || name == "traceEvent") {
    add_trace_usage(state, body, 16);
    return Reading::known;
  }
  if (name == "output") {  // RetrieveAndGenerateStream
    const auto text = json_string(body, "text");
    return text ? known(state.add_text({}, AnswerBlock::Kind::text, *text)) : Reading::unknown;
  }
  if (name == "citation") return known(state.add_citation({}, body));
  if (name == "guardrail") {
    if (const auto action = json_string(body, "action")) state.answer.guardrail_action = capped(*action, max_word);
    return Reading::known;
  }
  if (name == "analyzePromptEvent") {  // OptimizePrompt: what it thinks of the prompt, then the better one
    const auto text = json_string(body, "message");
    return text ? known(state.add_text({}, AnswerBlock::Kind::thinking, *text)) : Reading::unknown;
  }
  if (name == "optimizedPromptEvent") {
    const auto text = json_string(body, "optimizedPrompt/textPrompt/text");
    return text ? known(state.add_text({.index = 1}, AnswerBlock::Kind::text, *text)) : Reading::unknown;
  }
  if (name == "flowOutputEvent" || name == "flowMultiTurnInputRequestEvent") {
    const auto document = json_at(body, "content/document");
    if (!document) return Reading::unknown;
    const auto text =
        document->is_string() ? std::string(json_string(*document, {}).value_or("")) : simdjson::minify(*document);
    return known(state.add_text({}, AnswerBlock::Kind::text, text));
  }
  if (name == "flowCompletionEvent") {
    state.stop(json_string(body, "completionReason"));
    return Reading::known;
  }
  return Reading::unknown;
}

}  // namespace borehole::bedrock
