// Conversations by speech (Amazon Nova User Guide, "Handling input events" and "Handling output events with the
// bidirectional API"): contents that begin, come in portions and end, each under a name; what the client says and what
// the model says have the same shape.
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/ignoring_case.h"
#include "bedrock/json_view.h"
#include "bedrock/stream_state.h"
#include "bedrock/text.h"
#include "bedrock/usage_sources.h"

namespace borehole::bedrock {

namespace {

namespace dom = simdjson::dom;
using Kind = AnswerBlock::Kind;

constexpr std::uint64_t kSpeech = 3;  // a lane of BlockPlace that no other shape uses
constexpr std::size_t most_under_way = 256;
constexpr std::size_t most_tools = 256;

std::string word_at(dom::element body, std::string_view path) {
  return capped(json_string(body, path).value_or(std::string_view{}), max_word);
}

// The client's contents have a name, the model's an id.
std::string name_of(dom::element body) {
  std::string name = word_at(body, "contentName");
  return name.empty() ? word_at(body, "contentId") : name;
}

// The text of base64 without its padding, in octets.
std::uint64_t octets_of(std::string_view base64) {
  while (base64.ends_with('=')) base64.remove_suffix(1);
  return base64.size() / 4 * 3 + base64.size() % 4 * 3 / 4;
}

StreamState::SpeechContent& begin(StreamState& state, const std::string& name) {
  if (state.speech.size() >= most_under_way) state.speech.erase(state.speech.begin());
  StreamState::SpeechContent& content = state.speech[name];
  content = {};
  content.number = state.speech_contents++;
  return content;
}

void read_start(StreamState& state, dom::element body) {
  StreamState::SpeechContent& content = begin(state, name_of(body));
  content.role = lower_case(word_at(body, "role"));
  content.tool_id = word_at(body, "toolResultInputConfiguration/toolUseId");
  for (const std::string_view path : {"audioInputConfiguration/mediaType", "audioOutputConfiguration/mediaType"}) {
    if (content.media_type.empty()) content.media_type = word_at(body, path);
  }
  const JsonDocument more(json_string(body, "additionalModelFields").value_or(std::string_view{}));
  if (more.root()) content.stage = word_at(*more.root(), "generationStage");
}

// The block of the content that `body` is a portion of; null where none is kept. A content whose start was not seen
// begins here.
AnswerBlock* block_of(StreamState& state, dom::element body, Kind kind) {
  const std::string name = name_of(body);
  const auto found = state.speech.find(name);
  const bool known_content = found != state.speech.end();
  StreamState::SpeechContent& content = known_content ? found->second : begin(state, name);
  if (content.role.empty()) content.role = lower_case(word_at(body, "role"));
  AnswerBlock* const block = state.block({0, kSpeech, content.number}, kind);
  if (block == nullptr || !block->role.empty()) return block;
  block->role = content.role;
  block->stage = content.stage;
  if (kind == Kind::audio) block->media_type = content.media_type;
  if (kind == Kind::tool_result) block->tool_id = content.tool_id;
  return block;
}

bool read_text(StreamState& state, dom::element body, Kind kind) {
  const auto text = json_string(body, "content");
  if (!text || text->empty()) return false;
  if (AnswerBlock* const block = block_of(state, body, kind)) block->text += *text;
  return true;
}

bool read_audio(StreamState& state, dom::element body) {
  const auto audio = json_string(body, "content");
  if (!audio || audio->empty()) return false;
  if (AnswerBlock* const block = block_of(state, body, Kind::audio)) block->octets += octets_of(*audio);
  return true;
}

void read_tool_use(StreamState& state, dom::element body) {
  AnswerBlock* const block = block_of(state, body, Kind::tool_use);
  if (block == nullptr) return;
  block->role = "assistant";  // the event says TOOL
  block->tool_id = word_at(body, "toolUseId");
  block->tool_name = word_at(body, "toolName");
  block->text += json_string(body, "content").value_or(std::string_view{});
}

void read_tool_result(StreamState& state, dom::element body) {
  read_text(state, body, Kind::tool_result);
  if (!equals_ignoring_case(word_at(body, "status"), "error")) return;
  if (AnswerBlock* const block = block_of(state, body, Kind::tool_result)) block->failed = true;
}

void read_tools(StreamState& state, dom::element body) {
  const auto tools = json_array(body, "toolConfiguration/tools");
  if (!tools) return;
  if (state.content_left_out) {
    state.answer.shortened = true;
    return;
  }
  for (const dom::element tool : *tools) {
    const auto name = json_string(tool, "toolSpec/name");
    if (name && state.answer.tools.size() < most_tools) state.answer.tools.push_back(capped(*name, max_word));
  }
}

// Each tells the sums up to now.
void read_usage(StreamState& state, dom::element body) {
  Usage usage;
  usage.input_tokens = json_count(body, "totalInputTokens");
  usage.output_tokens = json_count(body, "totalOutputTokens");
  usage.total_tokens = json_count(body, "totalTokens");
  replace_usage(state.model, usage);
  // A token of speech has another price than one of text, and a record has one count for both.
  const bool speech = json_count(body, "details/total/input/speechTokens").value_or(0) != 0 ||
                      json_count(body, "details/total/output/speechTokens").value_or(0) != 0;
  if (speech) state.answer.facts.priced_otherwise = true;
}

bool frames_only(std::string_view name) {
  static constexpr std::array<std::string_view, 4> names{"sessionStart", "promptEnd", "sessionEnd", "completionStart"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Reading read_speech_event(StreamState& state, std::string_view name, dom::element body) {
  if (name == "textOutput" || name == "textInput") return known(read_text(state, body, Kind::text));
  if (name == "audioOutput" || name == "audioInput") return known(read_audio(state, body));
  if (name == "toolUse") {
    read_tool_use(state, body);
    return Reading::content;
  }
  if (name == "contentStart") {
    read_start(state, body);
  } else if (name == "contentEnd") {
    state.speech.erase(name_of(body));
    const std::string reason = word_at(body, "stopReason");
    if (!reason.empty()) state.answer.facts.stop_reason = reason;
  } else if (name == "toolResult") {
    read_tool_result(state, body);
  } else if (name == "promptStart") {
    read_tools(state, body);
  } else if (name == "completionEnd") {
    state.stop(json_string(body, "stopReason"));
  } else if (name == "usageEvent") {
    read_usage(state, body);
  } else if (!frames_only(name)) {
    return Reading::unknown;
  }
  return Reading::known;
}

}  // namespace borehole::bedrock
