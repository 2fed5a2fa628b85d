#include "base/ignoring_case.h"

#include <string>

#include "catch.h"

using borehole::equals_ignoring_case;

TEST_CASE("base: names are the same where only the case of letters differs") {
  CHECK(equals_ignoring_case("", ""));
  CHECK_FALSE(equals_ignoring_case("a", ""));
  CHECK(equals_ignoring_case("X-Amz-Security-Token", "x-amz-security-token"));
  CHECK_FALSE(equals_ignoring_case("X-Amz-Security-Token", "x-amz-security-tokem"));
  CHECK_FALSE(equals_ignoring_case("content-length", "content_length"));
}

TEST_CASE("base: at every size and place, each pair of octets compares as its lower cases do") {
  const auto lower = [](int octet) { return octet >= 'A' && octet <= 'Z' ? octet + 'a' - 'A' : octet; };
  for (std::size_t size = 1; size <= 20; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      std::string a(size, 'n'), b(size, 'N');
      int wrong = 0;
      for (int x = 0; x < 256; ++x) {
        a[place] = static_cast<char>(x);
        for (const int y : {x, x ^ 0x20, x ^ 0x80, x ^ 0xA0, x ^ 0x01, x ^ 0x21}) {
          b[place] = static_cast<char>(y);
          if (equals_ignoring_case(a, b) != (lower(x) == lower(y))) ++wrong;
        }
      }
      INFO("size " << size << ", place " << place);
      CHECK(wrong == 0);
    }
  }
}
