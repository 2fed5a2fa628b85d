// Views of header fields and of a request head as the bedrock floor takes them; owns nothing.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace borehole::bedrock {

// Name and value as they stood on the wire, in arrival order, duplicates kept. Names may have any case.
// The views must live during the call only: nothing on this floor keeps one.
using Field = std::pair<std::string_view, std::string_view>;
using Fields = std::span<const Field>;

// A request head. `target` is the request target as sent: origin form or absolute form, query included.
struct RequestView {
  std::string_view method;
  std::string_view target;
  Fields fields;
};

// The value of the first field of that name, without surrounding blanks; nullopt where there is none.
std::optional<std::string_view> find_field(Fields fields, std::string_view name) noexcept;

// Path and query of a request target: scheme and authority of the absolute form are left out, and so is a fragment.
// The path is never decoded; it is empty only if the target's is.
struct TargetParts {
  std::string_view path;
  std::string_view query;  // without the question mark
};
TargetParts split_target(std::string_view target) noexcept;

// What stands behind a gateway's prefix: "/model/x" of "/service/standard/model/x", where `prefix` is
// "/service/standard/". The target itself where the prefix is "/" or does not stand there.
std::string_view without_prefix(std::string_view target, std::string_view prefix) noexcept;

}  // namespace borehole::bedrock
