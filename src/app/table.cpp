#include "app/table.h"

#include <algorithm>

#include "app/terminal_text.h"

namespace borehole::app {

namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t left_out = 0;

std::size_t whole_width(const std::vector<std::size_t>& widths) {
  std::size_t sum = 0;
  for (const std::size_t width : widths) {
    if (width != left_out) sum += width + (sum > 0 ? gap : 0);
  }
  return sum;
}

std::string cut(const std::string& text, Column::Shorten how, std::size_t width) {
  return how == Column::Shorten::in_the_middle ? shortened_in_the_middle(text, width) : shortened(text, width);
}

}  // namespace

std::vector<std::size_t> Table::fitted(std::size_t width) const {
  std::vector<std::size_t> natural(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    natural[i] = std::max<std::size_t>(columns_of(columns_[i].title), width == 0 ? columns_[i].least : 1);
    for (const auto& row : rows_) natural[i] = std::max(natural[i], columns_of(row[i].text));
  }
  if (width == 0) return natural;
  for (;;) {
    std::vector<std::size_t> widths = natural;
    while (whole_width(widths) > width) {  // the widest of those that may shrink gives way
      std::size_t widest = columns_.size();
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (columns_[i].shorten == Column::Shorten::never || widths[i] <= columns_[i].least) continue;
        if (widest == columns_.size() || widths[i] > widths[widest]) widest = i;
      }
      if (widest == columns_.size()) break;
      --widths[widest];
    }
    if (whole_width(widths) <= width) return widths;
    std::size_t least_wanted = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (natural[i] == left_out || columns_[i].rank == 0) continue;
      if (least_wanted == columns_.size() || columns_[i].rank > columns_[least_wanted].rank) least_wanted = i;
    }
    if (least_wanted == columns_.size()) return widths;  // nothing is left to leave out: lines are cut
    natural[least_wanted] = left_out;
  }
}

std::string Table::text(std::size_t width) const {
  const std::vector<std::size_t> widths = fitted(width);
  std::string out;
  const auto line = [&](const auto& text_at, const auto& colour_at) {
    std::size_t used = 0;
    std::size_t blanks = 0;  // are owed: none stand at a line's end
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (widths[i] == left_out) continue;
      if (used > 0) blanks += gap;
      std::string shown = cut(text_at(i), columns_[i].shorten, widths[i]);
      const std::size_t padding = widths[i] - columns_of(shown);
      if (columns_[i].to_the_right) blanks += padding;
      if (width > 0 && used + blanks + columns_of(shown) > width) {
        shown = used + blanks < width ? shortened(shown, width - used - blanks) : std::string();
      }
      if (!shown.empty()) {
        out.append(blanks, ' ');
        out += coloured(shown, colour_at(i));
        used += blanks + columns_of(shown);
        blanks = 0;
      }
      if (!columns_[i].to_the_right) blanks += padding;
    }
    out += '\n';
  };
  line([&](std::size_t i) -> const std::string& { return columns_[i].title; },
       [](std::size_t) { return std::string_view(); });
  for (const auto& row : rows_) {
    line([&](std::size_t i) -> const std::string& { return row[i].text; },
         [&](std::size_t i) { return row[i].colour; });
  }
  return out;
}

}  // namespace borehole::app
