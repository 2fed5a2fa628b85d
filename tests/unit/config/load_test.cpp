#include "config/load.h"

#include "catch.h"
#include "fixture.h"

using namespace borehole::config;

TEST_CASE("an empty file gives every default, paths relative to the file") {
  Fixture fixture;
  const auto loaded = fixture.load("# nothing\n");
  REQUIRE(loaded.problems.empty());
  const Config& config = *loaded.config;
  CHECK(config.listen == std::vector<HostPort>{{"127.0.0.1", 5380}});
  CHECK(config.admin == HostPort{"127.0.0.1", 5381});
  CHECK(config.ca.dir == fixture.folder() + "/certs");
  CHECK(config.record.store == fixture.folder() + "/data/calls.db");
  CHECK_FALSE(config.prices.has_value());
  REQUIRE(config.routers.size() == 2);
  CHECK(config.routers[0].path == "/");
  CHECK_FALSE(config.routers[0].upstream.has_value());
  CHECK(config.routers[1].path == "/service/standard/");
  CHECK(config.routers[1].scheme == "https");
  CHECK(config.routers[1].upstream == HostPort{"bedrock-runtime.us-east-1.amazonaws.com", 443});
}

TEST_CASE("every problem is found at once, each with its place, in the order of the file") {
  Fixture fixture;
  const auto problems = fixture.problems(
      "listne: 127.0.0.1:1\n"
      "limits:\n"
      "  head_bytes: 64KX\n"
      "  connections: 0\n"
      "log: {level: loud}\n");
  CHECK(problems ==
        std::vector<std::string>{
            "1:1: unknown key 'listne'; did you mean 'listen'?",
            "3:15: limits.head_bytes ('64KX') must be a size, such as 64KiB, 1MiB, 10MB or a number of bytes",
            "4:16: limits.connections ('0') must be a whole number from 1 to 1000000",
            "5:14: log.level ('loud') must be one of debug, info, warn, error, off"});
}
