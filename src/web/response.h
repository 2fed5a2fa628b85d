// An answer of the admin port, and its octets. Every one carries the headers that keep browsers from doing harm with
// it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "web/body_stream.h"

namespace borehole::web {

struct Response {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::string fields;                  // more header fields, each with its CRLF
  bool close = false;                  // the connection ends behind it
  std::shared_ptr<BodyStream> stream;  // instead of `body`; the connection ends behind it
};

// One sentence, in plain text.
Response text_response(int status, std::string_view sentence);
// `{"message": sentence}`
Response json_error(int status, std::string_view sentence);

// Head and body; `head_only`: the head of what GET gets (RFC 9110 section 9.3.2).
std::string to_octets(const Response& response, bool head_only, bool close);

}  // namespace borehole::web
