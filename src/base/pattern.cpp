#include "base/pattern.h"

#include <re2/re2.h>
#include <re2/stringpiece.h>

#include <cstdint>

namespace borehole {

namespace {

// For the program and its automata, of one pattern. An automaton that outgrows it is begun anew, or searched without.
constexpr std::int64_t most_memory = std::int64_t{8} << 20;
constexpr std::size_t longest_regex = 4096;

}  // namespace

Result<Pattern, std::string> Pattern::compile(std::string_view regex) {
  if (regex.empty()) return unexpected(std::string("is empty: write a regular expression"));
  if (regex.size() > longest_regex) {
    return unexpected(std::string("is longer than 4096 characters: divide it into several patterns"));
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(most_memory);
  auto compiled = std::make_shared<const re2::RE2>(re2::StringPiece(regex.data(), regex.size()), options);
  if (!compiled->ok()) {
    return unexpected("is no regular expression that RE2 knows (" + compiled->error() +
                      "): mend it; look-around and back references are not to be had");
  }
  for (const std::string_view probe : {"", "a", " a -"}) {
    const re2::StringPiece text(probe.data(), probe.size());
    re2::StringPiece found;
    if (compiled->Match(text, 0, probe.size(), re2::RE2::UNANCHORED, &found, 1) && found.empty()) {
      return unexpected(
          std::string("matches the empty text, and so would match everywhere: ask for at least one character"));
    }
  }
  return Pattern(std::move(compiled));
}

std::optional<TextSpan> Pattern::find(std::string_view text, std::size_t from) const noexcept {
  const re2::StringPiece all(text.data(), text.size());
  while (from <= text.size()) {
    re2::StringPiece found;
    if (!compiled_->Match(all, from, text.size(), re2::RE2::UNANCHORED, &found, 1)) return std::nullopt;
    const auto begin = static_cast<std::size_t>(found.data() - text.data());
    if (!found.empty()) return TextSpan{begin, begin + found.size()};
    from = begin + 1;
  }
  return std::nullopt;
}

const std::string& Pattern::text() const noexcept { return compiled_->pattern(); }

}  // namespace borehole
