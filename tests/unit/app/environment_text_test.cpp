#include "app/environment_text.h"

#include "catch.h"

using namespace borehole;

TEST_CASE("sh: values stand between single quotes, which end and begin anew around one") {
  CHECK(app::for_sh({{"A", "plain"}, {"B", "it's $HOME `x` \"y\" \\ z\n"}, {"C", ""}}) ==
        "export A='plain';\nexport B='it'\\''s $HOME `x` \"y\" \\ z\n';\nexport C='';\n");
}

TEST_CASE("fish: a backslash stands before quotes and backslashes") {
  CHECK(app::for_fish({{"A", "plain"}, {"B", "it's a\\b $x"}}) ==
        "set -gx A 'plain';\nset -gx B 'it\\'s a\\\\b $x';\n");
}

TEST_CASE("json: one object") {
  CHECK(app::for_json({{"A", "/a \"b\"/c"}, {"B", "x\ny"}}) ==
        "{\n  \"A\": \"/a \\\"b\\\"/c\",\n  \"B\": \"x\\ny\"\n}\n");
  CHECK(app::for_json({}) == "{\n}\n");
}

TEST_CASE("docker: options on one line, in quotes where a shell needs them") {
  CHECK(app::for_docker({{"A", "http://h:1"}, {"B", "a b|c"}}, {{"/c/ca.pem", "/etc/b/ca.pem"}}) ==
        "--add-host=host.docker.internal:host-gateway --mount "
        "type=bind,source=/c/ca.pem,target=/etc/b/ca.pem,readonly -e A=http://h:1 -e 'B=a b|c'\n");
}

TEST_CASE("docker: a mount's path may hold commas, quotes and blanks") {
  CHECK(app::for_docker({}, {{"/a,b/it's \"c\"", "/t"}}) ==
        "--add-host=host.docker.internal:host-gateway --mount "
        "'type=bind,\"source=/a,b/it'\\''s \"\"c\"\"\",target=/t,readonly'\n");
}

TEST_CASE("shells have these names") {
  CHECK(app::shell_named("sh") == app::ShellKind::sh);
  CHECK(app::shell_named("fish") == app::ShellKind::fish);
  CHECK(app::shell_named("docker") == app::ShellKind::docker);
  CHECK(app::shell_named("json") == app::ShellKind::json);
  CHECK_FALSE(app::shell_named("csh"));
}
