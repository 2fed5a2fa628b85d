#include "web/moment.h"

#include <charconv>
#include <chrono>

namespace borehole::web {

namespace {

// Takes numbers and single characters off the front of a text; after the first that is not there everything fails.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool fine() const noexcept { return fine_; }
  bool done() const noexcept { return fine_ && text_.empty(); }
  bool next_is(char c) const noexcept { return fine_ && !text_.empty() && (text_.front() | 0x20) == (c | 0x20); }

  int digits(std::size_t count) {
    int value = 0;
    fine_ = fine_ && text_.size() >= count;
    for (std::size_t i = 0; i < count && fine_; ++i) {
      fine_ = text_[i] >= '0' && text_[i] <= '9';
      value = value * 10 + (text_[i] - '0');
    }
    if (fine_) text_.remove_prefix(count);
    return value;
  }
  void expect(char c) {
    fine_ = next_is(c);
    if (fine_) text_.remove_prefix(1);
  }
  std::chrono::microseconds fraction() {
    std::int64_t micros = 0;
    std::int64_t unit = 100'000;
    bool any = false;
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') {
      micros += unit * (text_.front() - '0');
      unit /= 10;
      text_.remove_prefix(1);
      any = true;
    }
    fine_ = fine_ && any;
    return std::chrono::microseconds(micros);
  }

 private:
  std::string_view text_;
  bool fine_ = true;
};

std::optional<WallTime> ago(std::string_view text, WallTime now) {
  using namespace std::chrono;
  if (text.size() < 2) return std::nullopt;
  seconds unit{};
  switch (text.back()) {
    case 's': unit = seconds(1); break;
    case 'm': unit = minutes(1); break;
    case 'h': unit = hours(1); break;
    case 'd': unit = days(1); break;
    case 'w': unit = weeks(1); break;
    default: return std::nullopt;
  }
  text.remove_suffix(1);
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count > 1'000'000) return std::nullopt;
  return now - unit * count;
}

}  // namespace

std::optional<WallTime> parse_moment(std::string_view text, WallTime now) {
  using namespace std::chrono;
  if (auto moment = ago(text, now)) return moment;
  Reader reader(text);
  const int year_number = reader.digits(4);
  reader.expect('-');
  const int month_number = reader.digits(2);
  reader.expect('-');
  const int day_number = reader.digits(2);
  const year_month_day date{year(year_number), month(static_cast<unsigned>(month_number)),
                            day(static_cast<unsigned>(day_number))};
  if (!reader.fine() || !date.ok() || year_number < 1970) return std::nullopt;
  const sys_days midnight(date);
  if (reader.done()) return WallTime(midnight);

  reader.expect('T');
  const int hour = reader.digits(2);
  reader.expect(':');
  const int minute = reader.digits(2);
  int second = 0;
  if (reader.next_is(':')) {
    reader.expect(':');
    second = reader.digits(2);
  }
  WallTime moment = midnight + hours(hour) + minutes(minute) + seconds(second);
  if (reader.next_is('.')) {
    reader.expect('.');
    moment += reader.fraction();
  }
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;
  if (reader.done()) return moment;
  if (reader.next_is('z')) {
    reader.expect('z');
  } else {
    const bool east = reader.next_is('+');
    reader.expect(east ? '+' : '-');
    const int hours_away = reader.digits(2);
    reader.expect(':');
    const int minutes_away = reader.digits(2);
    if (hours_away > 23 || minutes_away > 59) return std::nullopt;
    const auto offset = hours(hours_away) + minutes(minutes_away);
    moment += east ? -offset : offset;
  }
  return reader.done() ? std::optional(moment) : std::nullopt;
}

}  // namespace borehole::web
