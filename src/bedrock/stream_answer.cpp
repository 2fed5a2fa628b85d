#include "bedrock/stream_answer.h"

#include <array>
#include <optional>
#include <utility>

#include "bedrock/json_view.h"
#include "bedrock/stream_state.h"
#include "bedrock/text.h"
#include "bedrock/usage_sources.h"

namespace borehole::bedrock {

namespace dom = simdjson::dom;

AnswerBlock* StreamState::block(const BlockPlace& place, AnswerBlock::Kind kind) {
  if (content_left_out) {
    answer.shortened = true;
    return nullptr;
  }
  const auto found = places_.find(place);
  if (found != places_.end()) return &answer.blocks[found->second];
  if (answer.blocks.size() == StreamAnswer::max_blocks) {
    answer.shortened = true;
    return nullptr;
  }
  places_.emplace(place, answer.blocks.size());
  AnswerBlock& made = answer.blocks.emplace_back();
  made.kind = kind;
  made.choice = place.choice;
  return &made;
}

bool StreamState::add_text(const BlockPlace& place, AnswerBlock::Kind kind, std::string_view text) {
  if (text.empty()) return false;
  if (AnswerBlock* const into = block(place, kind)) into->text += text;
  return true;
}

bool StreamState::add_citation(const BlockPlace& place, dom::element citation) {
  if (AnswerBlock* const into = block(place, AnswerBlock::Kind::text)) {
    into->citations.push_back(simdjson::minify(citation));
  }
  return true;
}

void StreamState::set_tool(const BlockPlace& place, std::optional<std::string_view> id,
                           std::optional<std::string_view> name) {
  AnswerBlock* const into = block(place, AnswerBlock::Kind::tool_use);
  if (into == nullptr) return;
  if (id && !id->empty()) into->tool_id = capped(*id, max_model_id);
  if (name && !name->empty()) into->tool_name = capped(*name, max_model_id);
}

void StreamState::set_role(std::optional<std::string_view> role) {
  if (role && !role->empty()) answer.role = capped(*role, max_word);
}

void StreamState::set_model(std::optional<std::string_view> id) {
  if (id && !id->empty()) answer.facts.model_id = capped(*id, max_model_id);
}

void StreamState::stop(std::optional<std::string_view> reason) {
  answer.ended = true;
  if (reason && !reason->empty()) answer.facts.stop_reason = capped(*reason, max_word);
}

void StreamState::fail(std::string_view exception, std::string_view type, std::string_view message) {
  answer.exception = capped(exception, max_word);
  std::string name = capped(type, max_word);
  if (!name.empty() && name[0] >= 'a' && name[0] <= 'z' && name.ends_with("Exception")) {
    name[0] = static_cast<char>(name[0] - 'a' + 'A');  // the name by which the same error comes outside of a stream
  }
  if (!name.empty()) answer.facts.error_type = std::move(name);
  if (!message.empty()) answer.facts.error_message = capped(message, max_error_message);
}

void StreamState::add_unknown(std::string_view name, std::string_view payload) {
  ++answer.unknown_events;
  if (content_left_out || answer.unknown.size() == StreamAnswer::max_unknown) return;
  answer.unknown.push_back({capped(name, max_word), capped(payload, StreamAnswer::max_unknown_bytes)});
}

struct StreamAnswer::State : StreamState {
  dom::parser outer, inner;

  bool add_event(std::string_view name, Bytes payload);
  void finish_inputs();
  Reading read(std::string_view name, dom::element body);
  Reading read_chunk(dom::element body, std::string_view coded);
};

bool StreamAnswer::State::add_event(std::string_view name, Bytes payload) {
  const Bytes trimmed_payload = trimmed(payload);
  if (trimmed_payload == "[DONE]") {  // OpenAI's last event
    answer.ended = true;
    return false;
  }
  dom::element body;
  const bool is_json = payload.size() <= JsonDocument::max_bytes &&
                       outer.parse(payload.data(), payload.size()).get(body) == simdjson::SUCCESS && body.is_object();
  const Reading reading = is_json ? read(name, body) : Reading::unknown;
  if (reading == Reading::unknown) add_unknown(name, payload);
  return reading == Reading::content;
}

Reading StreamAnswer::State::read(std::string_view name, dom::element body) {
  if (const auto coded = json_string(body, "bytes"); coded && name == "chunk") return read_chunk(body, *coded);
  for (const auto reader : {read_converse_event, read_agent_event}) {
    const Reading reading = reader(*this, name, body);
    if (reading != Reading::unknown) return reading;
  }
  return read_model_event(*this, body);
}

// {"bytes":"<base64>"}: an event of the model in JSON; of an agent, plain text with what it is attributed to beside it.
Reading StreamAnswer::State::read_chunk(dom::element body, std::string_view coded) {
  const auto octets = base64_decode(coded);
  if (!octets) return Reading::unknown;
  dom::element event;
  const bool is_json = octets->size() <= JsonDocument::max_bytes &&
                       inner.parse(octets->data(), octets->size()).get(event) == simdjson::SUCCESS;
  if (is_json && event.is_object()) {
    const Reading reading = read_model_event(*this, event);
    if (reading == Reading::unknown) add_unknown("chunk", *octets);  // as it came out of the base64
    return reading == Reading::unknown ? Reading::known : reading;
  }
  const bool content = add_text({}, AnswerBlock::Kind::text, *octets);
  if (const auto citations = json_array(body, "attribution/citations")) {
    for (const dom::element citation : *citations) add_citation({}, citation);
  }
  return known(content);
}

// An input that is no JSON was cut, or is that of a tool that takes none.
void StreamAnswer::State::finish_inputs() {
  for (AnswerBlock& block : answer.blocks) {
    if (block.kind != AnswerBlock::Kind::tool_use || block.text.size() > JsonDocument::max_bytes) continue;
    dom::element input;
    block.text_is_json = outer.parse(block.text.data(), block.text.size()).get(input) == simdjson::SUCCESS;
    if (block.text_is_json) block.text = simdjson::minify(input);
  }
}

StreamAnswer::StreamAnswer() {
  try {
    state_ = std::make_unique<State>();
  } catch (...) {  // out of memory: nothing will be told
  }
}

StreamAnswer::~StreamAnswer() = default;

bool StreamAnswer::add_event(std::string_view name, Bytes payload) noexcept {
  try {
    return state_ != nullptr && state_->add_event(name, payload);
  } catch (...) {  // out of memory
    return false;
  }
}

void StreamAnswer::add_exception(std::string_view name, Bytes payload) noexcept {
  if (state_ == nullptr) return;
  try {
    static constexpr std::array<std::string_view, 3> paths{"message", "Message", "originalMessage"};
    dom::element body;
    std::string_view message;
    if (payload.size() <= JsonDocument::max_bytes &&
        state_->outer.parse(payload.data(), payload.size()).get(body) == simdjson::SUCCESS) {
      for (const std::string_view path : paths) {
        if (message.empty()) message = json_string(body, path).value_or("");
      }
    }
    state_->fail(name, name, message);
  } catch (...) {  // out of memory
  }
}

void StreamAnswer::add_error(std::string_view code, std::string_view message) noexcept {
  if (state_ == nullptr) return;
  try {
    state_->fail(code, code, message);
  } catch (...) {  // out of memory
  }
}

const std::vector<AnswerBlock>& StreamAnswer::blocks() const noexcept {
  static const std::vector<AnswerBlock> none;
  return state_ == nullptr ? none : state_->answer.blocks;
}

void StreamAnswer::leave_content_out() noexcept {
  if (state_ != nullptr) state_->content_left_out = true;
}

StreamedAnswer StreamAnswer::take(Usage headers) noexcept {
  try {
    if (state_ == nullptr) return {};
    State& state = *state_;
    const auto named = [](Usage& usage, std::string_view source) -> Usage&& {
      if (!usage.empty()) usage.source = source;
      return std::move(usage);
    };
    state.finish_inputs();
    AnswerFacts& facts = state.answer.facts;
    add_usage(facts, named(state.metadata, "converse"));
    add_usage(facts, named(state.metrics, "invocation_metrics"));
    add_usage(facts, named(headers, "headers"));
    add_usage(facts, named(state.model, "body"));
    add_usage(facts, named(state.trace, "trace"));
    add_total(facts.usage);
    return std::move(state.answer);
  } catch (...) {  // out of memory
    return {};
  }
}

}  // namespace borehole::bedrock
