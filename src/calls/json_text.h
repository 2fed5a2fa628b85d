// JSON that is being put together: each value is written once, straight into room that was made for it. Never looks at
// nesting: who writes sets brackets and commas.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace borehole::calls {

// A member's name, quoted and with its colon, of which a fixed number of octets can be copied.
class JsonKey {
 public:
  static constexpr std::size_t room = 32;
  template <std::size_t Size>
  consteval JsonKey(const char (&name)[Size]) : size_(Size + 2) {  // NOLINT: names are written as they are
    static_assert(Size + 2 <= room);
    octets_[0] = '"';
    std::copy_n(name, Size - 1, octets_.begin() + 1);
    octets_[Size] = '"';
    octets_[Size + 1] = ':';
  }
  const char* data() const noexcept { return octets_.data(); }
  std::size_t size() const noexcept { return size_; }

 private:
  std::array<char, room> octets_{};
  std::size_t size_;
};

// What was written is appended to a string by `finish`.
class JsonText {
 public:
  // `expected`: octets that it will have, about.
  explicit JsonText(std::string& out, std::size_t expected = 0) : out_(out) {
    if (expected > first_.size()) grow(expected);
  }
  JsonText(const JsonText&) = delete;
  JsonText& operator=(const JsonText&) = delete;

  std::size_t size() const noexcept { return static_cast<std::size_t>(to_ - begin_); }
  void cut(std::size_t size) noexcept { to_ = begin_ + size; }  // size <= size()
  void finish() {
    out_.append(begin_, to_);
    to_ = begin_;
  }

  void put(char c) {
    make_room(1);
    *to_++ = c;
  }
  void put(std::string_view json) {
    make_room(json.size());
    std::memcpy(to_, json.data(), json.size());
    to_ += json.size();
  }
  void key(const JsonKey& key) {
    make_room(JsonKey::room);
    std::memcpy(to_, key.data(), JsonKey::room);
    to_ += key.size();
  }
  template <class T>
  void number(T value) {
    constexpr std::size_t digits = 32;
    make_room(digits);
    to_ = std::to_chars(to_, to_ + digits, value).ptr;
  }
  // With three decimals. Microseconds within a year are exact in it.
  void thousandths(double value) {
    constexpr std::size_t digits = 400;  // the largest double has 309 of them before the point
    make_room(digits);
    to_ = std::to_chars(to_, to_ + digits, value, std::chars_format::fixed, 3).ptr;
  }
  // In quotes, escaped as utf8.h says of `append_json_string`.
  void string(std::string_view text);
  void valid_string(std::string_view text);  // the same for what `is_utf8` has passed

 private:
  void make_room(std::size_t octets) {
    if (static_cast<std::size_t>(end_ - to_) < octets) grow(octets);
  }
  void grow(std::size_t octets);
  bool plain(std::string_view text);
  std::size_t ascii(std::string_view text);
  void valid(std::string_view text);

  std::string& out_;
  std::array<char, 512> first_;     // NOLINT: written before it is read
  std::unique_ptr<char[]> larger_;  // NOLINT: no array is filled before it is written
  char* begin_ = first_.data();
  char* to_ = begin_;
  char* end_ = begin_ + first_.size();
};

}  // namespace borehole::calls
