#include "export/csv.h"

#include <algorithm>

#include "unit/export/records.h"

using namespace borehole;
using exporting::csv_cell;

TEST_CASE("cells are quoted as RFC 4180 says, and none is a formula") {
  CHECK(csv_cell("plain text") == "plain text");
  CHECK(csv_cell("") == "");
  CHECK(csv_cell("a,b") == "\"a,b\"");
  CHECK(csv_cell("say \"hi\"") == "\"say \"\"hi\"\"\"");
  CHECK(csv_cell("two\nlines") == "\"two\nlines\"");
  CHECK(csv_cell("=1+1") == "'=1+1");
  CHECK(csv_cell("+1") == "'+1");
  CHECK(csv_cell("-1") == "'-1");
  CHECK(csv_cell("@SUM(A1)") == "'@SUM(A1)");
  CHECK(csv_cell("\t=1") == "'\t=1");
  CHECK(csv_cell("\r=1") == "\"'\r=1\"");
  CHECK(csv_cell("=cmd|' /C calc'!A0,\"x\"") == "\"'=cmd|' /C calc'!A0,\"\"x\"\"\"");
  CHECK(csv_cell("a=b") == "a=b");
  CHECK(csv_cell("\x1b[31mred") == "\\x1b[31mred");
  CHECK(csv_cell("gr\u00fc\u00df") == "gr\u00fc\u00df");
}

TEST_CASE("a line has a cell for each column, empty where nothing is known, and numbers as they are") {
  auto record = exporting::test::record_of("Converse", "/model/m/converse", "{}");
  record.aws.model_id = "=evil()";
  record.usage.input_tokens = 11;
  record.cost_usd = "0.001545";
  const std::string header = exporting::csv_header();
  const std::string line = exporting::csv_line(exporting::test::read(record));
  REQUIRE(header.ends_with("\r\n"));
  REQUIRE(line.ends_with("\r\n"));
  CHECK(std::count(header.begin(), header.end(), ',') == std::count(line.begin(), line.end(), ','));
  CHECK(header.starts_with("id,started_at,"));
  CHECK(line.starts_with("01K0000000000000000000000A,2026-01-02T03:04:05.000006Z,bedrock-runtime,Converse,'=evil(),"));
  CHECK(exporting::test::contains(line, ",200,complete,"));
  CHECK(exporting::test::contains(line, ",11,,,,,0.001545,30,"));
}
