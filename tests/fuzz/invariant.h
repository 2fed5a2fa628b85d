// What a fuzz target demands of its decoder; ends the program, in every kind of build, where it does not hold.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace borehole {

inline void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "invariant broken: %s\n", what);
  std::abort();
}

// Up to the separator or the end; takes both off the front.
inline std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view taken = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return taken;
}

}  // namespace borehole
