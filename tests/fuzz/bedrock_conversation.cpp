// Fuzzes the reading of conversations and of JSON trees. Input: a body.
#include "bedrock/conversation.h"

#include <cstddef>
#include <cstdint>

#include "bedrock/json_value.h"
#include "fuzz/invariant.h"

using namespace borehole;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(octets), size);
  const auto value = bedrock::JsonValue::parse(text);
  for (const auto& read : {bedrock::read_prompt(text), bedrock::read_reply(text)}) {
    demand(!read || value, "a conversation is JSON");
    demand(!read || !read->turns.empty(), "a conversation has turns");
  }
  if (value) demand(value->at("") == &*value, "the empty path is the value itself");
  return 0;
}
