#include "app/terminal_text.h"

#include <fmt/format.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <cstdint>
#include <cstdlib>

#include "calls/utf8.h"

namespace borehole::app {

namespace {

// The C library's table of widths, whatever locale the program runs in.
class Widths {
 public:
  Widths() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}
  Widths(const Widths&) = delete;
  Widths& operator=(const Widths&) = delete;
  ~Widths() {
    if (locale_ != nullptr) freelocale(locale_);
  }
  // -1: not known, or not to be shown.
  int of(char32_t c) const {
    if (c < 0x80) return c >= 0x20 && c != 0x7F ? 1 : -1;
    if (locale_ == nullptr) return -1;
    const locale_t before = uselocale(locale_);
    const int width = wcwidth(static_cast<wchar_t>(c));
    uselocale(before);
    return width;
  }

 private:
  locale_t locale_;
};

int width_of(char32_t c) {
  static const Widths widths;
  return widths.of(c);
}

// Takes the first character off; `text` is not empty and valid UTF-8.
char32_t take(std::string_view& text, std::string_view* octets) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t c = size == 1 ? first : first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size && i < text.size(); ++i) c = c << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
  *octets = text.substr(0, size);
  text.remove_prefix(octets->size());
  return c;
}

}  // namespace

std::string harmless(std::string_view text) {
  const std::string valid = calls::for_terminal(text);
  std::string out;
  out.reserve(valid.size());
  std::string_view left = valid;
  while (!left.empty()) {
    std::string_view octets;
    const char32_t c = take(left, &octets);
    if (c >= 0x80 && width_of(c) < 0) {
      out += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c));
    } else {
      out += octets;
    }
  }
  return out;
}

std::string harmless_lines(std::string_view text, std::string_view indent) {
  std::string out;
  do {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    std::string blanks;
    for (const char c : line) blanks += c == '\t' ? std::string("    ") : std::string(1, c);
    const std::string shown = harmless(blanks);
    if (!shown.empty()) out.append(indent).append(shown);
    out += '\n';
  } while (!text.empty());
  return out;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    std::string_view octets;
    const int width = width_of(take(text, &octets));
    if (width > 0) columns += static_cast<std::size_t>(width);
  }
  return columns;
}

std::string shortened(std::string_view text, std::size_t width) {
  if (columns_of(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::string out;
  for (std::size_t used = 0;;) {
    std::string_view octets;
    const int columns = width_of(take(text, &octets));
    used += columns > 0 ? static_cast<std::size_t>(columns) : 0;
    if (used > width - 1) break;
    out += octets;
  }
  return out + "…";
}

std::string shortened_in_the_middle(std::string_view text, std::size_t width) {
  const std::size_t whole = columns_of(text);
  if (whole <= width) return std::string(text);
  if (width < 5) return shortened(text, width);
  const std::size_t tail = (width - 1) / 2;
  std::string out = shortened(text, width - tail);  // its last column is the ellipsis
  std::size_t left = whole;
  while (left > tail) {
    std::string_view octets;
    const int columns = width_of(take(text, &octets));
    left -= columns > 0 ? static_cast<std::size_t>(columns) : 0;
  }
  return out.append(text);
}

Screen screen_of(int file) {
  Screen screen;
  screen.terminal = isatty(file) == 1;
  if (!screen.terminal) return screen;
  const char* no_colour = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  screen.colours =
      (no_colour == nullptr || *no_colour == '\0') && (kind == nullptr || std::string_view(kind) != "dumb");
  winsize size{};
  if (ioctl(file, TIOCGWINSZ, &size) == 0) screen.width = size.ws_col;
  return screen;
}

std::string coloured(std::string_view text, std::string_view colour) {
  return colour.empty() || text.empty() ? std::string(text) : fmt::format("{}{}\x1b[0m", colour, text);
}

}  // namespace borehole::app
