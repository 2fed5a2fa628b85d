// A request head as text, taken apart for tests; keeps continuation lines as part of their field's value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bedrock/fields.h"

namespace borehole::bedrock {

// Views into the text it was made of.
struct RequestText {
  std::string_view method;
  std::string_view target;
  std::vector<Field> fields;

  explicit RequestText(std::string_view text) {
    std::string_view line = take_line(text);
    method = line.substr(0, line.find(' '));
    target = line.substr(0, line.rfind(" HTTP/")).substr(method.size() + 1);
    while (!text.empty() && text.front() != '\n') {
      const char* const start = text.data();
      line = take_line(text);
      while (!text.empty() && text.front() == ' ') {
        line = take_line(text);
        line = {start, static_cast<std::size_t>(line.data() + line.size() - start)};
      }
      const std::size_t colon = line.find(':');
      fields.emplace_back(line.substr(0, colon), line.substr(colon + 1));
    }
  }

  RequestView view() const { return {method, target, fields}; }

 private:
  static std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return line;
  }
};

}  // namespace borehole::bedrock
