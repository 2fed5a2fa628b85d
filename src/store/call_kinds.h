// Which columns calls of one kind have in common, and their values as one text. Never reads or writes the store.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "store/call_totals.h"
#include "store/sqlite.h"

namespace borehole::store {

// The columns of `call_kinds` behind `part`; a part has some of them, that stand together.
inline constexpr std::array<std::string_view, 14> kind_columns{
    "way_in",        "outcome", "upstream_host", "status",    "operation",   "region",       "model_id",
    "access_key_id", "sdk",     "app_id",        "framework", "process_pid", "process_name", "session_id"};
inline constexpr std::array all_parts{TotalsPart::kind, TotalsPart::process, TotalsPart::session, TotalsPart::all};

// From the first to the one before the last, as indexes.
constexpr std::pair<std::size_t, std::size_t> columns_of(TotalsPart part) noexcept {
  constexpr std::size_t process_pid = 11, session_id = 13;
  switch (part) {
    case TotalsPart::kind: return {0, process_pid};
    case TotalsPart::process: return {process_pid, session_id};
    case TotalsPart::session: return {session_id, kind_columns.size()};
    case TotalsPart::all: break;
  }
  return {0, 0};
}

// Finds the kind of a part by its values, which are the parameters, those of `columns_of(part)` in their order. By all
// columns, and so by all of an index: clients choose what some of them say, and how many kinds there are.
std::string find_kind_sql(TotalsPart part);

// Appends a column's value, and takes it away again from the front: absent where it is null.
void append_value(std::string& out, const Statement& row, int column);
std::optional<std::string_view> take_value(std::string_view& from) noexcept;

}  // namespace borehole::store
