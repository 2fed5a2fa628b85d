#include "base/clock.h"

#include <array>
#include <cstdio>

namespace borehole {

namespace {

// `digits` of them, leading zeros included; gives where they end.
char* put_number(char* to, std::uint64_t value, int digits) noexcept {
  for (int i = digits - 1; i >= 0; --i, value /= 10) to[i] = static_cast<char>('0' + value % 10);
  return to + digits;
}

}  // namespace

std::string format_rfc3339(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto year = static_cast<int>(date.year());
  const auto micros = static_cast<std::uint64_t>((time - day).count());
  std::array<char, 40> out{};
  char* to = out.data();
  // RFC 3339 has years of four digits; others are shown all the same.
  if (year >= 0 && year <= 9999) {
    to = put_number(to, static_cast<std::uint64_t>(year), 4);
  } else {
    to += std::snprintf(to, 12, "%d", year);
  }
  const auto put = [&to](char before, std::uint64_t value, int digits) {
    *to++ = before;
    to = put_number(to, value, digits);
  };
  put('-', static_cast<unsigned>(date.month()), 2);
  put('-', static_cast<unsigned>(date.day()), 2);
  put('T', micros / 3'600'000'000, 2);
  put(':', micros / 60'000'000 % 60, 2);
  put(':', micros / 1'000'000 % 60, 2);
  put('.', micros % 1'000'000, 6);
  *to++ = 'Z';
  return {out.data(), to};
}

}  // namespace borehole
