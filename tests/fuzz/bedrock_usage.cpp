// Fuzzes the reading of answers. Input: operation, status, fields a line each, an empty line, the body.
#include "bedrock/usage.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fuzz/invariant.h"

using namespace borehole;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(octets), size);
  bedrock::Operation operation;
  operation.service = "bedrock-runtime";
  operation.name = take_until(text, '\n');
  bedrock::AnswerView answer;
  const auto status = take_until(text, '\n');
  std::from_chars(status.data(), status.data() + status.size(), answer.status);
  std::vector<bedrock::Field> fields;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    if (line.empty()) break;
    const auto name = take_until(line, ':');
    fields.emplace_back(name, line);
  }
  answer.fields = fields;
  answer.body = text;

  const auto facts = bedrock::read_answer(&operation, answer);
  demand(facts.usage.disagrees == facts.other_usage.has_value(), "both sources are kept exactly where they disagree");
  demand(facts.usage.empty() || !facts.usage.source.empty(), "counts have a source");
  demand(!facts.error_message || facts.error_message->size() <= 4096, "messages are bounded");
  demand(answer.status >= 400 || !facts.error_type, "a success has no error");
  bedrock::read_answer(nullptr, answer);
  operation.streaming = bedrock::Streaming::sse;
  bedrock::read_request(operation, text);
  return 0;
}
