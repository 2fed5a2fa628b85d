// A fuzzer's lines as an event stream: a message a line, its name and its payload; `!NAME` is an exception.
#pragma once

#include <string>
#include <string_view>

#include "fuzz/invariant.h"
#include "unit/bedrock/frames.h"

namespace borehole {

inline std::string event_stream(std::string_view lines) {
  std::string body;
  while (!lines.empty()) {
    std::string_view line = take_until(lines, '\n');
    const auto name = take_until(line, ' ').substr(0, 100);
    if (name.starts_with('!')) {
      body += bedrock::exception_frame(name.substr(1), line);
    } else if (name == "chunk") {
      body += bedrock::event_frame(name, R"({"bytes":")" + bedrock::base64(line) + R"("})");
    } else {
      body += bedrock::event_frame(name, line);
    }
  }
  return body;
}

}  // namespace borehole
