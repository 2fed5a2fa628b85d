// Patterns in which `*` stands for any characters, none among them. Case counts.
#pragma once

#include <string_view>

namespace borehole {

// Goes back to the last star alone, so that it takes no more than the product of the lengths.
bool matches_wildcard(std::string_view pattern, std::string_view text) noexcept;

}  // namespace borehole
