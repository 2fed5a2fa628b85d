// Recorded header fields as the bedrock floor takes them. Copies no octet.
#pragma once

#include <vector>

#include "bedrock/fields.h"
#include "calls/headers.h"

namespace borehole::calls {

// Valid until `headers` changes.
inline std::vector<bedrock::Field> fields_of(const Headers& headers) {
  std::vector<bedrock::Field> fields;
  fields.reserve(headers.size());
  for (const auto& field : headers) fields.push_back(field);
  return fields;
}

}  // namespace borehole::calls
