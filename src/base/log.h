// The program's own log, on stderr, one line an event. Never a secret, never a body; control characters are escaped.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace borehole::log {

enum class Level : std::uint8_t { debug, info, warn, error, off };
enum class Format : std::uint8_t { text, json };

// Once at start, before other threads. Safe to call again to change level or format.
void configure(Level level, Format format);
bool enabled(Level level) noexcept;
// Any thread. Control characters in `message` come out as \xNN: what arrives from the wire cannot forge a line.
void write(Level level, std::string_view message);
// "\n" and every other octet below 0x20, and 0x7f, as \xNN.
std::string escaped(std::string_view text);

template <class... A>
void debug(fmt::format_string<A...> format, A&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(format, std::forward<A>(args)...));
}
template <class... A>
void info(fmt::format_string<A...> format, A&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<A>(args)...));
}
template <class... A>
void warn(fmt::format_string<A...> format, A&&... args) {
  if (enabled(Level::warn)) write(Level::warn, fmt::format(format, std::forward<A>(args)...));
}
template <class... A>
void error(fmt::format_string<A...> format, A&&... args) {
  if (enabled(Level::error)) write(Level::error, fmt::format(format, std::forward<A>(args)...));
}

}  // namespace borehole::log
