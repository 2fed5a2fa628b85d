// A fuzzer's lines as an event stream: a message a line, its name and its payload; `!NAME` is an exception, `=NAME` one
// that the client signed, `=` alone the end of such a stream, `=?` a signed frame with the payload itself in it.
#pragma once

#include <string>
#include <string_view>

#include "fuzz/invariant.h"
#include "unit/bedrock/frames.h"

namespace borehole {

inline std::string event_message(std::string_view name, std::string_view payload) {
  if (name.starts_with('!')) return bedrock::exception_frame(name.substr(1), payload);
  if (name == "chunk") return bedrock::event_frame(name, R"({"bytes":")" + bedrock::base64(payload) + R"("})");
  return bedrock::event_frame(name, payload);
}

inline std::string event_stream(std::string_view lines) {
  std::string body;
  while (!lines.empty()) {
    std::string_view line = take_until(lines, '\n');
    const auto name = take_until(line, ' ').substr(0, 100);
    if (name == "=" || name == "=?") {
      body += bedrock::signed_frame(name == "=" ? std::string_view() : line);
    } else if (name.starts_with('=')) {
      body += bedrock::signed_frame(event_message(name.substr(1), line));
    } else {
      body += event_message(name, line);
    }
  }
  return body;
}

}  // namespace borehole
