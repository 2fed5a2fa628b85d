// What shape a Bedrock API key (`Authorization: Bearer …`) has, and until when it is good; never keeps the key, never
// asks whether Amazon knows it.
#pragma once

#include <optional>
#include <string_view>

#include "bedrock/times.h"

namespace borehole::bedrock {

struct ApiKeyShape {
  std::string_view kind;              // "short_term", "long_term", "other"; static storage
  std::string_view fault;             // why it can be no Bedrock API key, by name; empty where it can; static storage
  std::optional<Seconds> expires_at;  // of a short-term key
};

// `key` is what stands behind `Bearer `. Faults: empty, quoted, blank (a blank or control character in it),
// bearer_twice, not_expanded (a variable's name instead of its value), access_key (an access key id), unknown_prefix,
// not_base64, not_a_key (the base64 holds something else).
ApiKeyShape read_api_key_shape(std::string_view key);

// "does not begin with …", as the end of a sentence about the key; empty for a name that is not known.
std::string_view api_key_fault_text(std::string_view fault) noexcept;

}  // namespace borehole::bedrock
