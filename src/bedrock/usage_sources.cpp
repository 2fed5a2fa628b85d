#include "bedrock/usage_sources.h"

#include <array>
#include <limits>
#include <utility>

namespace borehole::bedrock {

namespace {

constexpr std::array kCounts{&Usage::input_tokens,       &Usage::output_tokens,         &Usage::cache_read_tokens,
                             &Usage::cache_write_tokens, &Usage::cache_write_1h_tokens, &Usage::total_tokens};

}  // namespace

std::string capped(std::string_view text, std::size_t limit) {
  if (text.size() > limit) {
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
    text = text.substr(0, limit);
  }
  return std::string(text);
}

void add_usage(AnswerFacts& facts, Usage lesser) {
  Usage& usage = facts.usage;
  if (usage.empty()) {
    usage = std::move(lesser);
    return;
  }
  bool differs = false;
  for (const auto count : kCounts) {
    if (usage.*count && lesser.*count && usage.*count != lesser.*count) differs = true;
    if (!(usage.*count)) usage.*count = lesser.*count;
  }
  usage.disagrees = usage.disagrees || differs;
  if (differs && !facts.other_usage) facts.other_usage = std::move(lesser);
}

void replace_usage(Usage& usage, const Usage& later) noexcept {
  for (const auto count : kCounts) {
    if (later.*count) usage.*count = later.*count;
  }
}

void add_total(Usage& usage) noexcept {
  if (usage.total_tokens || !usage.input_tokens || !usage.output_tokens) return;
  std::uint64_t total = 0;
  for (const auto count :
       {&Usage::input_tokens, &Usage::output_tokens, &Usage::cache_read_tokens, &Usage::cache_write_tokens}) {
    const std::uint64_t more = (usage.*count).value_or(0);
    if (more > std::numeric_limits<std::uint64_t>::max() - total) return;
    total += more;
  }
  usage.total_tokens = total;
}

}  // namespace borehole::bedrock
