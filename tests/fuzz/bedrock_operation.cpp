// Fuzzes hosts, operations and model ids. Input: host, method, target and X-Amz-Target, a line each.
#include "bedrock/operation.h"

#include <cstddef>
#include <cstdint>

#include "bedrock/hosts.h"
#include "bedrock/model_id.h"
#include "fuzz/invariant.h"

using namespace borehole;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(octets), size);
  const auto host = take_until(text, '\n');
  const auto method = take_until(text, '\n');
  const auto target = take_until(text, '\n');
  const auto amz_target = take_until(text, '\n');

  const auto endpoint = bedrock::parse_endpoint(host);
  demand(!endpoint || bedrock::matches(bedrock::default_intercept_patterns(), host),
         "the default patterns cover every endpoint");
  if (const auto pattern = bedrock::HostPattern::parse(host)) {
    demand(pattern->matches(pattern->text()), "a pattern matches its own text");
  }
  const auto operation = bedrock::recognise(host, method, target, amz_target);
  if (operation) {
    demand(!endpoint || operation->service == endpoint->service, "an operation is of its host's service");
    demand(operation->model_id.size() + operation->resource.size() <= target.size(), "labels come from the target");
    demand(bedrock::parse_model_id(operation->model_id).base_model.size() <= operation->model_id.size(),
           "a base model is part of its id");
  }
  bedrock::parse_model_id(target);
  return 0;
}
