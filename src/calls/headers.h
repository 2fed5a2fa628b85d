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
    ends_.reserve(fields);
    octets_.reserve(octets);
  }
  void emplace_back(std::string_view name, std::string_view value) {
    octets_ += name;
    octets_ += value;
    ends_.push_back({octets_.size() - value.size(), octets_.size()});
  }

  bool empty() const noexcept { return ends_.empty(); }
  std::size_t size() const noexcept { return ends_.size(); }
  value_type operator[](std::size_t at) const {
    const std::size_t begin = at == 0 ? 0 : ends_[at - 1].value;
    const Ends& ends = ends_[at];
    const std::string_view all = octets_;
    return {all.substr(begin, ends.name - begin), all.substr(ends.name, ends.value - ends.name)};
  }
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }
  // Octets of memory.
  std::size_t capacity() const noexcept { return octets_.capacity() + ends_.capacity() * sizeof(Ends); }

 private:
  struct Ends {
    std::size_t name, value;
  };
  std::string octets_;
  std::vector<Ends> ends_;
};

}  // namespace borehole::calls
