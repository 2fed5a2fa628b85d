#include "ca/der.h"

#include <fmt/format.h>

namespace borehole::ca::der {

std::string value(unsigned tag, Bytes content) { return value(tag, {content}); }

std::string value(unsigned tag, std::initializer_list<Bytes> contents) {
  std::size_t size = 0;
  for (const Bytes content : contents) size += content.size();
  std::string out;
  out.reserve(size + 6);
  out += static_cast<char>(tag);
  if (size < 0x80) {
    out += static_cast<char>(size);
  } else {
    std::string length;
    for (std::size_t rest = size; rest > 0; rest >>= 8U) length.insert(length.begin(), static_cast<char>(rest & 0xffU));
    out += static_cast<char>(0x80U | length.size());
    out += length;
  }
  for (const Bytes content : contents) out += content;
  return out;
}

std::string small_integer(std::uint8_t number) {
  const char content = static_cast<char>(number);
  return value(integer, Bytes(&content, 1));
}

std::string bits(Bytes octets) { return value(bit_string, {Bytes("\0", 1), octets}); }

std::string time(WallTime time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time) - days);
  const int year = static_cast<int>(date.year());
  const std::string rest =
      fmt::format("{:02}{:02}{:02}{:02}{:02}Z", static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (year >= 1950 && year < 2050) return value(utc_time, fmt::format("{:02}{}", year % 100, rest));
  return value(generalized_time, fmt::format("{:04}{}", year, rest));
}

}  // namespace borehole::ca::der
