#include "app/moments.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace borehole::app {

namespace {

// Takes `digits` decimal digits off; nullopt where there are fewer.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take_mark(std::string_view& text, std::string_view marks) {
  if (text.empty() || marks.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int> take_number_behind(std::string_view& text, std::string_view marks) {
  return take_mark(text, marks) ? take_number(text, 2) : std::nullopt;
}

// ".123456": up to microseconds count.
std::optional<std::chrono::microseconds> take_fraction(std::string_view& text) {
  if (!take_mark(text, ".,")) return std::chrono::microseconds(0);
  std::int64_t micros = 0;
  std::int64_t unit = 100'000;
  std::size_t digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
    micros += unit * (text.front() - '0');
    unit /= 10;
  }
  if (digits == 0) return std::nullopt;
  return std::chrono::microseconds(micros);
}

// "Z", "+01:00", "-0530", in seconds east of Greenwich; nullopt where it is none of these.
std::optional<int> take_zone(std::string_view& text) {
  if (take_mark(text, "Zz")) return 0;
  const bool west = !text.empty() && text.front() == '-';
  const auto hours = take_number_behind(text, "+-");
  if (!hours) return std::nullopt;
  take_mark(text, ":");
  const auto minutes = take_number(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const int seconds = (*hours * 60 + *minutes) * 60;
  return west ? -seconds : seconds;
}

std::optional<WallTime> parse_date_and_time(std::string_view text) {
  std::tm parts{};
  const auto year = take_number(text, 4);
  const auto month = year ? take_number_behind(text, "-") : std::nullopt;
  const auto day = month ? take_number_behind(text, "-") : std::nullopt;
  if (!day || *year < 1970 || *month < 1 || *month > 12 || *day < 1 || *day > 31) return std::nullopt;
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  std::chrono::microseconds fraction{0};
  std::optional<int> zone;
  if (!text.empty()) {
    const auto hour = take_number_behind(text, "Tt ");
    const auto minute = hour ? take_number_behind(text, ":") : std::nullopt;
    if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
    parts.tm_hour = *hour;
    parts.tm_min = *minute;
    if (!text.empty() && text.front() == ':') {
      const auto second = take_number_behind(text, ":");
      const auto rest = second ? take_fraction(text) : std::nullopt;
      if (!rest || *second > 60) return std::nullopt;
      parts.tm_sec = *second;
      fraction = *rest;
    }
    if (!text.empty()) {
      zone = take_zone(text);
      if (!zone || !text.empty()) return std::nullopt;
    }
  }
  parts.tm_isdst = -1;
  std::tm settled = parts;
  const std::time_t seconds = zone ? timegm(&settled) - *zone : std::mktime(&settled);
  if (settled.tm_mday != parts.tm_mday && parts.tm_hour < 23) return std::nullopt;  // the 31st of a shorter month
  return WallTime(std::chrono::seconds(seconds)) + fraction;
}

std::tm local(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::system_clock::time_point(std::chrono::floor<std::chrono::seconds>(time)));
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return parts;
}

}  // namespace

std::optional<std::chrono::microseconds> parse_span(std::string_view text) {
  using std::chrono::seconds;
  if (text.size() < 2 || text.size() > 8) return std::nullopt;
  std::string_view digits = text.substr(0, text.size() - 1);
  const auto count = take_number(digits, digits.size());
  if (!count) return std::nullopt;
  switch (text.back()) {
    case 's': return seconds(*count);
    case 'm': return seconds(60LL * *count);
    case 'h': return seconds(3600LL * *count);
    case 'd': return seconds(86400LL * *count);
    case 'w': return seconds(7 * 86400LL * *count);
    default: return std::nullopt;
  }
}

std::optional<WallTime> parse_moment(std::string_view text, WallTime now) {
  if (const auto span = parse_span(text)) return now - *span;
  return parse_date_and_time(text);
}

std::string local_time(WallTime time, WallTime now) {
  const std::tm then = local(time);
  const std::tm today = local(now);
  std::string clock = fmt::format("{:02}:{:02}:{:02}", then.tm_hour, then.tm_min, then.tm_sec);
  if (then.tm_year == today.tm_year && then.tm_yday == today.tm_yday) return clock;
  return fmt::format("{:04}-{:02}-{:02} {}", then.tm_year + 1900, then.tm_mon + 1, then.tm_mday, clock);
}

std::string local_time_with_zone(WallTime time) {
  const std::tm then = local(time);
  const auto millis = (time - std::chrono::floor<std::chrono::seconds>(time)).count() / 1000;
  const long minutes = then.tm_gmtoff / 60;
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03} {}{:02}{:02}", then.tm_year + 1900, then.tm_mon + 1,
                     then.tm_mday, then.tm_hour, then.tm_min, then.tm_sec, millis, minutes < 0 ? '-' : '+',
                     std::abs(minutes) / 60, std::abs(minutes) % 60);
}

}  // namespace borehole::app
