// Comparing names that differ in case at most, ASCII only, as those of header fields (RFC 9110 section 5.1) and hosts
// (RFC 4343) do. Never allocates, never looks at a locale.
#pragma once

#include <string_view>

namespace borehole {

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

}  // namespace borehole
