#include "app/terminal_text.h"

#include "app/table.h"
#include "catch.h"

using namespace borehole::app;

namespace {

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from);
    out.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return out;
}

Table calls_table() {
  using Shorten = Column::Shorten;
  Table table({{"ID", false, Shorten::never, 0, 0},
               {"MODEL", false, Shorten::in_the_middle, 8, 0},
               {"MS", true, Shorten::never, 5, 1},
               {"ERROR", false, Shorten::at_the_end, 6, 2}});
  table.add({{"A", {}}, {"us.anthropic.claude-3-haiku", {}}, {"12.5", {}}, {"ThrottlingException", red}});
  table.add({{"B", {}}, {"nova", {}}, {"7.0", {}}, {"-", {}}});
  return table;
}

}  // namespace

TEST_CASE("nothing that a terminal obeys comes through", "[terminal_text]") {
  CHECK(harmless("plain gr\xC3\xBC\xC3\x9F \xE6\xBC\xA2 \xF0\x9F\x98\x80") ==
        "plain gr\xC3\xBC\xC3\x9F \xE6\xBC\xA2 \xF0\x9F\x98\x80");
  CHECK(harmless("\x1b[31m\a\b\r\n\x7f") == "\\x1b[31m\\x07\\x08\\x0d\\x0a\\x7f");
  CHECK(harmless("\xC2\x9B"
                 "2J\xff") == "\\xc2\\x9b2J\\xff");
  CHECK(harmless("a\xE2\x80\xAE"
                 "b") == "a\\u{202e}b");  // right to left override
  CHECK(harmless("a\xE2\x80\x8B"
                 "b") == "a\\u{200b}b");                 // zero width space
  CHECK(harmless("\xEF\xBB\xBFx") == "\\u{feff}x");      // byte order mark
  CHECK(harmless("\xF4\x8F\xBF\xBF") == "\\u{10ffff}");  // no character
  CHECK(harmless_lines("a\n\tb\x1b\r\n\nc", "> ") == "> a\n>     b\\x1b\n\n> c\n");
  CHECK(harmless_lines("", "> ") == "\n");
}

TEST_CASE("text is measured in columns and cut between characters", "[terminal_text]") {
  CHECK(columns_of("abc") == 3);
  CHECK(columns_of("\xE6\xBC\xA2\xE5\xAD\x97") == 4);  // two CJK characters
  CHECK(columns_of("\xF0\x9F\x98\x80") == 2);          // an emoji
  CHECK(columns_of("e\xCC\x81") == 1);                 // a combining accent
  CHECK(shortened("abcdef", 6) == "abcdef");
  CHECK(shortened("abcdef", 4) == "abc…");
  CHECK(shortened("abcdef", 1) == "…");
  CHECK(shortened("abcdef", 0).empty());
  const std::string han = "\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2";  // six columns
  CHECK(shortened(han, 5) == "\xE6\xBC\xA2\xE6\xBC\xA2…");
  CHECK(shortened(han, 4) == "\xE6\xBC\xA2…");
  CHECK(shortened_in_the_middle("abcdefghij", 10) == "abcdefghij");
  CHECK(shortened_in_the_middle("abcdefghij", 7) == "abc…hij");
  CHECK(shortened_in_the_middle("abcdefghij", 6) == "abc…ij");
  CHECK(shortened_in_the_middle("abcdefghij", 3) == "ab…");
  for (std::size_t width = 0; width < 12; ++width) {
    CAPTURE(width);
    CHECK(columns_of(shortened(han + "abc" + han, width)) <= width);
    CHECK(columns_of(shortened_in_the_middle(han + "abc" + han, width)) <= width);
  }
}

TEST_CASE("a table without a limit shows everything, each column at least as wide as it says", "[table]") {
  CHECK(calls_table().text(0) ==
        "ID  MODEL                           MS  ERROR\n"
        "A   us.anthropic.claude-3-haiku   12.5  \x1b[31mThrottlingException\x1b[0m\n"
        "B   nova                           7.0  -\n");
}

TEST_CASE("a table fits any width: first it is shortened, then columns go by their rank", "[table]") {
  const Table table = calls_table();
  CHECK(lines(table.text(50))[0] == "ID  MODEL                  MS  ERROR");
  const auto at_40 = lines(table.text(40));
  CHECK(at_40[0].find("ERROR") != std::string::npos);
  CHECK(at_40[1].find("…") != std::string::npos);
  const auto at_22 = lines(table.text(22));
  CHECK(at_22[0] == "ID  MODEL           MS");
  CHECK(at_22[1] == "A   us.ant…haiku  12.5");
  const auto at_12 = lines(table.text(12));
  CHECK(at_12[0] == "ID  MODEL");
  CHECK(at_12[1] == "A   us.a…iku");
  for (std::size_t width = 1; width < 80; ++width) {
    for (std::string line : lines(table.text(width))) {
      for (const std::string_view escape : {"\x1b[31m", "\x1b[0m"}) {
        if (const auto at = line.find(escape); at != std::string::npos) line.erase(at, escape.size());
      }
      CAPTURE(width, line);
      CHECK(columns_of(line) <= width);
    }
  }
}
