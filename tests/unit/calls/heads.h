// Heads for tests, read from text as the wire has it; a head that does not parse fails the test.
#pragma once

#include <string>

#include "catch.h"
#include "http/message_reader.h"

namespace borehole::calls {

inline http::RequestHead request_head(const std::string& text) {
  http::MessageReader reader(http::Role::request);
  const auto progress = reader.feed(text);
  INFO(text);
  REQUIRE(progress.has_value());
  REQUIRE(progress->step == http::MessageReader::Step::head);
  return reader.request_head();
}

inline http::ResponseHead response_head(const std::string& text) {
  http::MessageReader reader(http::Role::response);
  reader.expect_response_to("POST");
  const auto progress = reader.feed(text);
  INFO(text);
  REQUIRE(progress.has_value());
  return reader.response_head();
}

}  // namespace borehole::calls
