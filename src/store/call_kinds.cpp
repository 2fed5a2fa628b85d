#include "store/call_kinds.h"

#include <fmt/format.h>

#include "store/leb128.h"

namespace borehole::store {

std::string find_kind_sql(TotalsPart part) {
  std::string sql = fmt::format("SELECT kind FROM call_kinds WHERE part = {}", static_cast<int>(part));
  const auto [first, end] = columns_of(part);
  for (std::size_t i = 0; i < kind_columns.size(); ++i) {
    const bool given = i >= first && i < end;
    sql += fmt::format(" AND {} IS {}", kind_columns.at(i), given ? fmt::format("?{}", i - first + 1) : "NULL");
  }
  return sql;
}

// 0 where there is none, else one more than its length, and its octets.
void append_value(std::string& out, const Statement& row, int column) {
  if (row.is_null(column)) return append_number(out, 0);
  const std::string_view text = row.octets(column);
  append_number(out, text.size() + 1);
  out += text;
}

std::optional<std::string_view> take_value(std::string_view& from) noexcept {
  std::uint64_t size = 0;
  if (!take_number(from, size) || size == 0) return std::nullopt;
  const std::string_view value = from.substr(0, size - 1);
  from.remove_prefix(size - 1);
  return value;
}

}  // namespace borehole::store
