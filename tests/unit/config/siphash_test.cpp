#include "config/siphash.h"

#include <string>

#include "catch.h"

using namespace borehole::config;

TEST_CASE("SipHash-2-4 gives the value worked out in its paper, appendix A") {
  const SipKey key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  std::string message;
  for (char c = 0; c < 15; ++c) message += c;
  CHECK(siphash(key, message) == 0xa129ca6149be45e5U);
}

TEST_CASE("every octet, the length and the key count") {
  const SipKey key{1, 2};
  const std::string message = "user:password, longer than a word";
  const auto hash = siphash(key, message);
  for (std::size_t i = 0; i < message.size(); ++i) {
    std::string other = message;
    other[i] = static_cast<char>(other[i] ^ 1);
    CAPTURE(i);
    CHECK(siphash(key, other) != hash);
  }
  CHECK(siphash(key, message + '\0') != hash);
  CHECK(siphash({2, 1}, message) != hash);
}
