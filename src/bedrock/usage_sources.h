// Brings together what several sources tell of one call's usage; never picks a number without saying whose it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "bedrock/usage.h"

namespace borehole::bedrock {

// Words of an answer go into records: a hostile one must not make them large.
inline constexpr std::size_t max_word = 256;
inline constexpr std::size_t max_error_message = 4096;
inline constexpr std::size_t max_model_id = 2048;

// At most `limit` octets, never ending inside a UTF-8 sequence.
std::string capped(std::string_view text, std::size_t limit);

// `facts.usage` keeps what it tells; what it does not tell is taken from `lesser`. Where both tell a count and it is
// not the same, `disagrees` is set and the first lesser source that differs is kept as `other_usage`.
void add_usage(AnswerFacts& facts, Usage lesser);

// Counts of a stream under way: what `later` tells replaces what was told before.
void replace_usage(Usage& usage, const Usage& later) noexcept;

// The sum, where input and output are known and no total was told.
void add_total(Usage& usage) noexcept;

}  // namespace borehole::bedrock
