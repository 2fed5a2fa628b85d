// Fuzzes the reading of signatures and the canonical request. Input: method, target, then fields, a line each.
#include "bedrock/sigv4_view.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bedrock/sdk.h"
#include "fuzz/invariant.h"

using namespace borehole;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(octets), size);
  const auto method = take_until(text, '\n');
  const auto target = take_until(text, '\n');
  std::vector<bedrock::Field> fields;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const auto name = take_until(line, ':');
    fields.emplace_back(name, line);
  }
  const bedrock::RequestView request{method, target, fields};
  const auto view = bedrock::read_signature(target, fields);
  demand(view.access_key_id.size() <= size, "nothing is read that was not there");
  for (const auto& name : view.signed_headers) demand(bedrock::is_signed_header(view, name), "a listed name is signed");
  demand(bedrock::signature_intact(view, request, request), "what is not changed is intact");

  const auto canonical =
      bedrock::canonical_request(method, target, fields, view.signed_headers, "p", bedrock::PathRule::as_sent);
  demand(canonical.ends_with("\np"), "the payload's hash comes last");
  bedrock::read_sdk(fields);
  bedrock::read_attempt(fields);
  return 0;
}
