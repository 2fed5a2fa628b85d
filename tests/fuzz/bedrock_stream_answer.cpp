// Fuzzes the putting together of streamed answers. Input: a line that names the format (`sse`, else event stream) and
// how much is kept of the body; then, of sse the body, else a message a line: its name and its payload, `chunk` in
// base64.
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>

#include "bedrock/streamed_body.h"
#include "fuzz/event_lines.h"
#include "fuzz/invariant.h"

using namespace borehole;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(octets), size);
  std::string_view first = take_until(text, '\n');
  const bool sse = take_until(first, ' ') == "sse";
  const std::string body = sse ? std::string(text) : event_stream(text);
  std::size_t kept = body.size();
  std::from_chars(first.data(), first.data() + first.size(), kept);
  kept = std::min(kept, body.size());

  bedrock::StreamedBody view;
  view.format = sse ? bedrock::StreamFormat::sse : bedrock::StreamFormat::event_stream;
  view.beginning = std::string_view(body).substr(0, kept);
  view.end = std::string_view(body).substr(kept);
  view.size = body.size();
  const bedrock::StreamedBodyFacts facts = bedrock::read_streamed_body(view);
  const bedrock::StreamedAnswer& answer = facts.answer;
  demand(facts.left_out == 0, "nothing lies between beginning and end");
  demand(answer.blocks.size() <= bedrock::StreamAnswer::max_blocks, "blocks are bounded");
  demand(answer.unknown.size() <= bedrock::StreamAnswer::max_unknown, "unknown events are bounded");
  demand(answer.unknown_events <= facts.events + 64 * size, "unknown events are counted once");
  demand(std::is_sorted(facts.content_ends.begin(), facts.content_ends.end()), "events end in their order");
  demand(facts.content_ends.size() <= facts.events, "content comes with events");
  demand(answer.facts.usage.empty() || !answer.facts.usage.source.empty(), "counts have a source");
  demand(answer.facts.usage.disagrees == answer.facts.other_usage.has_value(), "what differs is kept");
  std::size_t content = 0;
  for (const auto& block : answer.blocks) content += block.text.size() + block.redacted.size() + block.signature.size();
  demand(content <= 8 * kept + 64, "an answer is no larger than its stream");
  return 0;
}
