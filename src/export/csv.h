// The figures of a recorded call as a line of CSV (RFC 4180). No cell is taken for a formula by a spreadsheet.
#pragma once

#include <string>
#include <string_view>

#include "bedrock/json_value.h"

namespace borehole::exporting {

// Names of the columns; ends in CRLF, as each line does.
std::string csv_header();
std::string csv_line(const bedrock::JsonValue& record);

// A text as a cell: quoted where it must be; with an apostrophe before what a spreadsheet would calculate.
std::string csv_cell(std::string_view text);

}  // namespace borehole::exporting
