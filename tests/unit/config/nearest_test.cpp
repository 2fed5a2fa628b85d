#include "config/nearest.h"

#include "catch.h"

using namespace borehole::config;

TEST_CASE("an edit is one character more, less, other, or two neighbours swapped") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("listen", "listen") == 0);
  CHECK(edit_distance("lsten", "listen") == 1);
  CHECK(edit_distance("listten", "listen") == 1);
  CHECK(edit_distance("lizten", "listen") == 1);
  CHECK(edit_distance("listne", "listen") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("the nearest word is found, and none where none is near") {
  const std::vector<std::string_view> words{"listen", "admin", "log", "limits"};
  CHECK(nearest("listne", words) == "listen");
  CHECK(nearest("limit", words) == "limits");
  CHECK(nearest("lgo", words) == "log");
  CHECK_FALSE(nearest("temperature", words).has_value());
  CHECK_FALSE(nearest("x", words).has_value());
  CHECK_FALSE(nearest("", words).has_value());
  CHECK_FALSE(nearest(std::string(100'000, 'l'), words).has_value());
}
