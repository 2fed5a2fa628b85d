// What the published description of a decoded event stream message says, in the words of the decoder's test.
#pragma once

#include <string>

#include "bedrock/json_view.h"
#include "bedrock/text.h"

namespace borehole::bedrock {

inline std::string expected_transcript(const std::string& description, std::size_t size) {
  const JsonDocument document(description);
  std::string out = "other  [0.." + std::to_string(size) + "]\n";
  if (!document.root()) return "no JSON";
  if (const auto headers = json_array(*document.root(), "headers")) {
    for (const simdjson::dom::element header : *headers) {
      const auto type = json_count(header, "type").value_or(99);
      std::int64_t number = type == 0 ? 1 : 0;
      const auto value = json_at(header, "value");
      if (value && value->is_int64()) number = value->get_int64().value_unsafe();
      const auto octets = json_string(header, "value");
      out += "  " + std::string(json_string(header, "name").value_or("?")) + " " + std::to_string(type) + " " +
             std::to_string(number) + " '" + (octets ? base64_decode(*octets).value_or("no base64") : "") + "'\n";
    }
  }
  return out + "  payload '" +
         base64_decode(json_string(*document.root(), "payload").value_or("")).value_or("no base64") + "'\n";
}

}  // namespace borehole::bedrock
