// The word that was probably meant. Pure; never guesses where nothing is near.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace borehole::config {

// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other (optimal string
// alignment).
std::size_t edit_distance(std::string_view from, std::string_view to);
// The candidate with the least distance, if that is at most a third of `word` (and at least one edit); the first of
// equals.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace borehole::config
