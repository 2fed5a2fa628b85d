#include "base/log.h"

#include "catch.h"

TEST_CASE("control characters cannot forge a log line or drive a terminal") {
  CHECK(borehole::log::escaped("a\r\nb\x1b[31m\x7f") == "a\\x0d\\x0ab\\x1b[31m\\x7f");
}
