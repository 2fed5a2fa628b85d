// Text as a terminal shows it: made harmless, measured in columns, shortened. Never splits a character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace borehole::app {

// One line: control characters and octets that are no UTF-8 become \xNN; characters that are unseen or turn the
// direction of writing, and those of no known width, become \u{…}.
std::string harmless(std::string_view text);

// Several lines: each is harmless and begins with `indent`; tabs become blanks. Ends in a newline.
std::string harmless_lines(std::string_view text, std::string_view indent);

// Columns of a harmless text: 2 for wide characters (CJK, emoji), 0 for combining ones.
std::size_t columns_of(std::string_view text);

// At most `width` columns, of which the last is `…` if something was left out.
std::string shortened(std::string_view text, std::size_t width);
// The same with the middle left out: the ends of a model's id tell most.
std::string shortened_in_the_middle(std::string_view text, std::size_t width);

// Where stdout leads, and what may be done there.
struct Screen {
  bool terminal = false;
  bool colours = false;   // a terminal, NO_COLOR is unset or empty (no-color.org), TERM is not "dumb"
  std::size_t width = 0;  // of a terminal whose width is known; 0: no limit
};
Screen screen_of(int file);

// `text` between the escape sequence `colour` and the one that ends it; as it is where there is none.
std::string coloured(std::string_view text, std::string_view colour);

inline constexpr std::string_view red = "\x1b[31m", green = "\x1b[32m", dim = "\x1b[2m", bold = "\x1b[1m";

}  // namespace borehole::app
