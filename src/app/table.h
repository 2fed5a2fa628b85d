// Lines of cells under titles, fitted into a width: columns are shortened, then left out. Never breaks a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace borehole::app {

struct Column {
  enum class Shorten : std::uint8_t { never, at_the_end, in_the_middle };
  std::string title;
  bool to_the_right = false;
  Shorten shorten = Shorten::never;
  std::size_t least = 0;  // columns of the terminal that it keeps when shortened, and that it takes at any rate
  int rank = 0;           // the highest is left out first; 0: never
};

struct Cell {
  std::string text;         // harmless
  std::string_view colour;  // an escape sequence, or empty
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }  // as many as there are columns
  // `width` 0: no limit. A column keeps `least` columns if its texts are shorter only where there is no limit.
  std::string text(std::size_t width) const;

 private:
  std::vector<std::size_t> fitted(std::size_t width) const;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace borehole::app
