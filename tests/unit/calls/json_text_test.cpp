#include "calls/json_text.h"

#include <string>
#include <vector>

#include "calls/utf8.h"
#include "catch.h"

namespace borehole::calls {

namespace {

// One character after another, as RFC 8259 section 7 and utf8.h have it; for valid UTF-8.
std::string plainly(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out = "\"";
  const auto escaped = [&](unsigned char c) { out += std::string("\\u00") + digits[c >> 4U] + digits[c & 15U]; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    if (c == '"' || c == '\\') {
      (out += '\\') += text[i];
    } else if (c == '\n' || c == '\r' || c == '\t') {
      (out += '\\') += c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
    } else if (c < 0x20 || c == 0x7f) {
      escaped(c);
    } else if (c == 0xc2 && next < 0xa0) {
      escaped(static_cast<unsigned char>(next));
      ++i;
    } else {
      out += text[i];
    }
  }
  return out + '"';
}

const std::vector<std::string> characters{"\"",
                                          "\\",
                                          "\n",
                                          "\r",
                                          "\t",
                                          "\x01",
                                          "\x1f",
                                          "\x7f",
                                          "\xc2\x80",
                                          "\xc2\x9f",
                                          "\xc2\xa0",
                                          "\xc3\xa9",
                                          "\xe2\x82\xac",
                                          "\xf0\x9f\x98\x80",
                                          std::string(1, '\0')};

}  // namespace

TEST_CASE("every character is written the same wherever it stands", "[json_text]") {
  for (const std::string& character : characters) {
    for (std::size_t before = 0; before < 140; ++before) {
      for (const std::size_t behind : {0U, 1U, 15U, 16U, 70U}) {
        const std::string text = std::string(before, 'a') + character + std::string(behind, 'z');
        if (json_string(text) != plainly(text)) {
          CAPTURE(before, behind, character);
          CHECK(json_string(text) == plainly(text));
        }
      }
    }
  }
}

TEST_CASE("a long text of any characters is written as a short one", "[json_text]") {
  for (std::size_t shift = 0; shift < 40; ++shift) {
    std::string text(shift, 'x');
    for (std::size_t i = 0; i < 900; ++i) text += characters[(i * i + shift) % characters.size()] + "b";
    std::string out;
    JsonText json(out);
    json.valid_string(text);
    json.string(text);
    json.finish();
    CHECK((out == plainly(text) + plainly(text)));
  }
}

TEST_CASE("of a text of nothing nothing is read", "[json_text]") {
  CHECK(json_string(std::string_view()) == R"("")");
  CHECK(json_string("") == R"("")");
}

TEST_CASE("octets that are no UTF-8 are replaced, and no others", "[json_text]") {
  for (std::size_t before = 0; before < 40; ++before) {
    const std::string text = std::string(before, 'a') + "\xff\xc3\xa9\n\xc2";
    CHECK(json_string(text) == plainly(std::string(before, 'a') + "\xef\xbf\xbd\xc3\xa9\n\xef\xbf\xbd"));
  }
}

TEST_CASE("what was cut off is not written, and what was written is there once", "[json_text]") {
  std::string out = "before ";
  JsonText json(out, 10'000);
  json.put('{');
  json.key("a");
  json.number(17);
  const std::size_t kept = json.size();
  json.key("b");
  json.string(std::string(5000, '"'));
  json.cut(kept);
  json.put(',');
  json.key("c");
  json.thousandths(1.0625);
  json.put("}");
  CHECK(out == "before ");
  json.finish();
  json.finish();
  CHECK(out == "before {\"a\":17,\"c\":1.062}");
}

}  // namespace borehole::calls
