#include "bedrock/times.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

std::optional<unsigned> digits(std::string_view text, std::size_t at, std::size_t count) noexcept {
  if (at + count > text.size()) return std::nullopt;
  const auto value = parse_decimal(text.substr(at, count));
  if (!value) return std::nullopt;
  return static_cast<unsigned>(*value);  // of four digits at most
}

std::optional<Seconds> moment(std::optional<unsigned> year, std::optional<unsigned> month, std::optional<unsigned> day,
                              std::optional<unsigned> hour, std::optional<unsigned> minute,
                              std::optional<unsigned> second) noexcept {
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

}  // namespace

std::optional<Seconds> parse_amz_date(std::string_view text) noexcept {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  return moment(digits(text, 0, 4), digits(text, 4, 2), digits(text, 6, 2), digits(text, 9, 2), digits(text, 11, 2),
                digits(text, 13, 2));
}

std::optional<Seconds> parse_http_date(std::string_view text) noexcept {
  static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' || text[16] != ' ' ||
      text[19] != ':' || text[22] != ':' || text.substr(25) != " GMT") {
    return std::nullopt;
  }
  const auto* const month = std::find(months.begin(), months.end(), text.substr(8, 3));
  if (month == months.end()) return std::nullopt;
  return moment(digits(text, 12, 4), static_cast<unsigned>(month - months.begin()) + 1, digits(text, 5, 2),
                digits(text, 17, 2), digits(text, 20, 2), digits(text, 23, 2));
}

std::optional<Seconds> parse_record_time(std::string_view text) noexcept {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text.back() != 'Z') {
    return std::nullopt;
  }
  const std::string_view fraction = text.substr(19, text.size() - 20);
  if (!fraction.empty() && (fraction.size() == 1 || fraction.front() != '.' ||
                            fraction.find_first_not_of("0123456789", 1) != std::string_view::npos)) {
    return std::nullopt;
  }
  return moment(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2), digits(text, 11, 2), digits(text, 14, 2),
                digits(text, 17, 2));
}

std::string seconds_text(Seconds time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(time - days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

std::string span_in_words(std::chrono::seconds span) {
  struct Unit {
    std::int64_t seconds;
    std::string_view name;
  };
  static constexpr std::array<Unit, 4> units{{{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}}};
  const std::int64_t all = span.count() < 0 ? -span.count() : span.count();
  // The largest unit of which there are two: 90 minutes are told as such.
  const auto* const unit =
      std::find_if(units.begin(), units.end() - 1, [&](const Unit& u) { return all >= 2 * u.seconds; });
  const std::int64_t count = (all + unit->seconds / 2) / unit->seconds;
  return fmt::format("{} {}{}", count, unit->name, count == 1 ? "" : "s");
}

}  // namespace borehole::bedrock
