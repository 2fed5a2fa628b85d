// The header fields of one head as they came: order, case, duplicates. Copies them into one piece of memory; never
// changes one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace borehole::calls {

class Headers {
 public:
  using value_type = std::pair<std::string_view, std::string_view>;  // name and value; valid until the next change

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Headers::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = value_type;
    Iterator(const Headers& headers, std::size_t at) : headers_(&headers), at_(at) {}
    value_type operator*() const { return (*headers_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++at_; }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const Headers* headers_;
    std::size_t at_;
  };

  Headers() = default;
  Headers(std::initializer_list<value_type> fields) {
    for (const auto& [name, value] : fields) emplace_back(name, value);
  }

  // `octets`: of names and values together.
  void reserve(std::size_t fields, std::size_t octets) {
    places_.reserve(fields);
    octets_.reserve(octets);
  }
  void emplace_back(std::string_view name, std::string_view value) {
    const std::size_t at = octets_.size();
    octets_ += name;
    octets_ += value;
    places_.push_back({u32(at), u32(name.size()), u32(at + name.size()), u32(value.size())});
  }
  // The same in one piece: `line` begins with the name, and ends with the value, which begins at `value`.
  void append_line(std::string_view line, std::size_t name_size, std::size_t value) {
    const std::size_t at = octets_.size();
    octets_ += line;
    places_.push_back({u32(at), u32(name_size), u32(at + value), u32(line.size() - value)});
  }

  bool empty() const noexcept { return places_.empty(); }
  std::size_t size() const noexcept { return places_.size(); }
  value_type operator[](std::size_t at) const {
    const Place& place = places_[at];
    return {{octets_.data() + place.name, place.name_size}, {octets_.data() + place.value, place.value_size}};
  }
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }
  // Octets of memory.
  std::size_t capacity() const noexcept { return octets_.capacity() + places_.capacity() * sizeof(Place); }

 private:
  struct Place {
    std::uint32_t name, name_size, value, value_size;  // a head is far smaller than 4 GiB
  };
  static std::uint32_t u32(std::size_t n) noexcept { return static_cast<std::uint32_t>(n); }

  std::string octets_;
  std::vector<Place> places_;
};

}  // namespace borehole::calls
