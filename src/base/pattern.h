// A regular expression that takes time in proportion to the text, whatever it says (RE2's syntax: no back references,
// no look-around). Never backtracks, never throws while it searches.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace borehole {

struct TextSpan {
  std::size_t begin = 0, end = 0;  // octets; [begin, end)
  friend bool operator==(const TextSpan&, const TextSpan&) = default;
};

// Immutable; copies share what was compiled; any thread may search.
class Pattern {
 public:
  // The error completes "KEY ('REGEX') …". One that matches the empty text is an error: it would match everywhere.
  static Result<Pattern, std::string> compile(std::string_view regex);

  // The leftmost match that begins at `from` or behind; empty matches are passed over.
  std::optional<TextSpan> find(std::string_view text, std::size_t from) const noexcept;
  const std::string& text() const noexcept;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace borehole
