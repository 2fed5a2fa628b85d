#include "app/doctor/finding.h"

#include <algorithm>
#include <string>

#include "catch.h"

using namespace borehole::app::doctor;

namespace {

const Findings some{{"a", State::ok, "thing", "is fine", ""},
                    {"b", State::look, "other", "may be better", "do this"},
                    {"c", State::mend, "third", "is broken", "first line\nsecond line"}};

}  // namespace

TEST_CASE("only what must be mended makes the status 1") {
  CHECK(exit_status({}) == 0);
  CHECK(exit_status({some[0], some[1]}) == 0);
  CHECK(exit_status(some) == 1);
}

TEST_CASE("a finding is a line; its remedy stands below it") {
  CHECK(as_text(some, false) ==
        "ok    thing: is fine\n"
        "look  other: may be better\n        do this\n"
        "mend  third: is broken\n        first line\n        second line\n");
}

TEST_CASE("colours mark the state alone") {
  const std::string text = as_text(some, true);
  CHECK(text.find("\x1b[31mmend\x1b[0m  third: is broken\n") != std::string::npos);
  CHECK(text.find("\x1b[32mok  \x1b[0m  thing") != std::string::npos);
}

TEST_CASE("what an SDK or a server said cannot steer the terminal") {
  const Findings evil{{"x", State::look, "a\x1b[2Jb", "c\rd\ne", "f\x1b]0;g\a"}};
  const std::string text = as_text(evil, false);
  for (const char bad : {'\x1b', '\r', '\a'}) CHECK(text.find(bad) == std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(as_json(evil).find('\x1b') == std::string::npos);
}

TEST_CASE("the object holds every finding, with null where nothing is to be done") {
  CHECK(as_json({}) == R"({"findings":[]})");
  CHECK(as_json({some[0], some[2]}) ==
        R"({"findings":[{"id":"a","state":"ok","subject":"thing","detail":"is fine","remedy":null},)"
        R"({"id":"c","state":"mend","subject":"third","detail":"is broken","remedy":"first line\nsecond line"}]})");
}

TEST_CASE("the summary counts") {
  CHECK(summary({some[0]}) == "everything is in place");
  CHECK(summary(some) == "1 to mend, 1 to look at, 1 in order");
}

TEST_CASE("remedies name the configuration that was looked at") {
  Findings findings{{"", State::look, "", "borehole env", "eval \"$(borehole env)\""},
                    {"", State::look, "", "", "borehole --listen 127.0.0.1:1"},
                    {"", State::look, "", "", "chmod 600 /x/borehole/certs/issuing.key"},
                    {"", State::look, "", "", "unset A; eval \"$(borehole env)\""}};
  name_configuration(findings, "my file.yaml");
  CHECK(findings[0].remedy == "eval \"$(borehole --config 'my file.yaml' env)\"");
  CHECK(findings[0].detail == "borehole env");
  CHECK(findings[1].remedy == "borehole --config 'my file.yaml' --listen 127.0.0.1:1");
  CHECK(findings[2].remedy == "chmod 600 /x/borehole/certs/issuing.key");
  CHECK(findings[3].remedy == "unset A; eval \"$(borehole --config 'my file.yaml' env)\"");
}
