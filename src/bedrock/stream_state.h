// What is known of an answer while its stream comes in; the shapes of the events fill it. Of this folder alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <simdjson.h>

#include "bedrock/stream_answer.h"

namespace borehole::bedrock {

// Which block a portion belongs to. `lane` tells apart what one index may hold at once (text, reasoning, calls).
struct BlockPlace {
  std::uint64_t choice = 0;
  std::uint64_t lane = 0;
  std::uint64_t index = 0;
  bool operator<(const BlockPlace& other) const noexcept {
    return std::tie(choice, lane, index) < std::tie(other.choice, other.lane, other.index);
  }
};

struct StreamState {
  StreamedAnswer answer;
  Usage metadata;  // ConverseStream's last event
  Usage metrics;   // amazon-bedrock-invocationMetrics
  Usage model;     // what the model's own events tell
  Usage trace;     // sums over an agent's traces
  bool content_left_out = false;

  // One content of a conversation by speech, between its start and its end.
  struct SpeechContent {
    std::uint64_t number = 0;
    std::string role, stage, media_type, tool_id;
  };
  std::map<std::string, SpeechContent, std::less<>> speech;  // under way, by the name that the events give them
  std::uint64_t speech_contents = 0;                         // that have begun

  // The block at `place`, made if there is none; null where content is left out or there are too many.
  AnswerBlock* block(const BlockPlace& place, AnswerBlock::Kind kind);
  // Appends to the text of the block at `place`. True where there is something to append, kept or not.
  bool add_text(const BlockPlace& place, AnswerBlock::Kind kind, std::string_view text);
  bool add_citation(const BlockPlace& place, simdjson::dom::element citation);
  void set_tool(const BlockPlace& place, std::optional<std::string_view> id, std::optional<std::string_view> name);
  void set_role(std::optional<std::string_view> role);
  void set_model(std::optional<std::string_view> id);
  void stop(std::optional<std::string_view> reason);  // nullopt: no reason was told
  void fail(std::string_view exception, std::string_view type, std::string_view message);
  void add_unknown(std::string_view name, std::string_view payload);

 private:
  std::map<BlockPlace, std::size_t> places_;
};

// What an event is: of a known shape or not, and whether it brought something that the model made.
enum class Reading : std::uint8_t { unknown, known, content };
constexpr Reading known(bool content) noexcept { return content ? Reading::content : Reading::known; }

// ConverseStream's events, which Nova's chunks hold as members of the same names.
Reading read_converse_event(StreamState& state, std::string_view name, simdjson::dom::element body);
// Events of agents, flows and knowledge bases, but `chunk`.
Reading read_agent_event(StreamState& state, std::string_view name, simdjson::dom::element body);
// What stands under the name of an event of a model that is spoken to: {"event": {NAME: {…}}}. Of both directions.
Reading read_speech_event(StreamState& state, std::string_view name, simdjson::dom::element body);
// The document in a `chunk`, or in an event of text/event-stream.
Reading read_model_event(StreamState& state, simdjson::dom::element body);

}  // namespace borehole::bedrock
