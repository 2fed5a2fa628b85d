// How boto3 names the parameters of Bedrock's operations that do not stand in a body. Nothing but a table.
#pragma once

#include <span>
#include <string_view>

namespace borehole::exporting {

struct BotoOperation {
  std::string_view service;
  std::string_view operation;
  std::string_view path;    // with the parameters' names: "/model/{modelId}/converse"
  std::string_view answer;  // the member of the answer that is a stream of octets or events; empty: none
  bool payload = false;     // the body is one parameter, `body`, as it is; headers are parameters
  bool blobs = false;       // texts in the body may be base64 of a parameter's octets
};

// Null for operations that are not in it.
const BotoOperation* find_boto_operation(std::string_view service, std::string_view operation) noexcept;

std::span<const BotoOperation> boto_operations() noexcept;

}  // namespace borehole::exporting
