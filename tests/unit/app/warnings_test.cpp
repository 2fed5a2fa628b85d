// Each warning beside a neighbour that gives none.
#include "app/warnings.h"

#include "../config/fixture.h"
#include "catch.h"

using namespace borehole;
using Texts = std::vector<std::string>;

namespace {

// "LINE:COLUMN: warning: …" for each.
Texts warned(const std::string& yaml) {
  Fixture fixture;
  const auto loaded = fixture.load(yaml);
  for (const auto& problem : loaded.problems) UNSCOPED_INFO(config::to_string(problem));
  REQUIRE(loaded.config != nullptr);
  const auto policy = proxy::Policy::make(loaded.config);
  REQUIRE(policy);
  Texts texts;
  for (const auto& warning : app::warnings(**policy, loaded)) {
    const auto text = config::to_string(warning);
    REQUIRE(text.starts_with(fixture.file()));
    texts.push_back(text.substr(fixture.file().size() + 1));
  }
  return texts;
}

const std::string bedrock_url = "https://bedrock-runtime.us-east-1.amazonaws.com";

}  // namespace

TEST_CASE("the defaults give no warning") { CHECK(warned("").empty()); }

TEST_CASE("a router whose upstream is not intercepted, or without TLS") {
  CHECK(warned("routers:\n- path: /\n- path: /a/\n  upstream: " + bedrock_url + "\n").empty());
  CHECK(warned("routers:\n- path: /\n- path: /a/\n  upstream: http://127.0.0.1:8080\n").empty());
  CHECK(warned("routers:\n- path: /\n- path: /a/\n  upstream: https://api.example.com\n") ==
        Texts{"4:13: warning: routers[1].upstream names api.example.com, which is not in `intercept`: calls to it "
              "through a proxy setting pass unrecorded; add it there if they should be recorded"});
  CHECK(warned("intercept: [api.example.com]\nrouters:\n- path: /\n- path: /a/\n  upstream: https://api.example.com\n")
            .empty());
  CHECK(warned("routers:\n- path: /\n- path: /a/\n  upstream: http://api.example.com\n") ==
        Texts{"4:13: warning: routers[1].upstream reaches api.example.com without TLS: prompts and keys pass readable; "
              "write https:// if it can"});
}

TEST_CASE("routers without the empty one") {
  CHECK(
      warned("routers:\n- path: /a/\n  upstream: " + bedrock_url + "\n") ==
      Texts{"2:1: warning: routers lacks the empty router: calls through a proxy setting are refused; add - path: /"});
}

TEST_CASE("nothing is intercepted") {
  CHECK(warned("intercept: []\nrouters: [{path: /}]\n") ==
        Texts{"1:12: warning: intercept is empty: calls through a proxy setting pass unrecorded; remove the key for "
              "Bedrock's hosts"});
}

TEST_CASE("a resolve rule that nothing comes to") {
  const auto rules = [](const std::string& text) { return "upstream:\n  resolve:\n" + text; };
  CHECK(warned(rules("    \"*.test:443\": 127.0.0.1:1\n    \"h.other:443\": 127.0.0.1:2\n")).empty());
  CHECK(warned(rules("    \"*.test:443\": 127.0.0.1:1\n    \"h.test:443\": 127.0.0.1:2\n")) ==
        Texts{"4:5: warning: upstream.resolve.h.test:443 is never used: *.test:443 stands above it and takes the same "
              "hosts; put it first"});
  CHECK(warned(rules("    \"*.test:443\": 127.0.0.1:1\n    \"h.test:8443\": 127.0.0.1:2\n")).empty());
  CHECK(warned(rules("    \"h.test:81\": 127.0.0.1:2\n")) ==
        Texts{"3:5: warning: upstream.resolve.h.test:81 is never used: port 81 is not in `upstream.ports` and no "
              "router goes there"});
  CHECK(warned(rules("    \"h.localhost:81\": 127.0.0.1:2\n") +
               "routers: [{path: /}, {path: /a/, upstream: \"http://h.localhost:81\"}]\n")
            .empty());
  CHECK(warned(rules("    \"h.test:443\": 127.0.0.1:2\n") + "  proxy: http://proxy.test:3128\n") ==
        Texts{"3:5: warning: upstream.resolve.h.test:443 is not used while `upstream.proxy` is set: that proxy looks "
              "names up; remove one of the two"});
}

TEST_CASE("the upstream proxy is borehole itself") {
  CHECK(warned("upstream: {proxy: \"http://127.0.0.1:3128\"}\n").empty());
  CHECK(warned("upstream: {proxy: \"http://proxy.test:5380\"}\n").empty());
  CHECK(warned("upstream: {proxy: \"http://localhost:5380\"}\n") ==
        Texts{"1:19: warning: upstream.proxy is borehole itself: every call would go in circles; name the proxy behind "
              "it, or null"});
}

TEST_CASE("who may come, and where to") {
  CHECK(warned("listen: 0.0.0.0:1\nauth: {allow_clients: [10.0.0.0/8]}\n").empty());
  CHECK(warned("listen: 0.0.0.0:1\nauth: {allow_clients: [0.0.0.0/0]}\n") ==
        Texts{"2:23: warning: auth.allow_clients lets in whoever reaches this port: name your own networks, or set "
              "auth.users_file"});
  CHECK(warned("upstream: {allow_loopback: true}\n").empty());
  CHECK(warned("listen: 0.0.0.0:1\nauth: {allow_clients: [10.0.0.0/8]}\nupstream: {allow_loopback: true}\n") ==
        Texts{"3:28: warning: upstream.allow_loopback lets clients on other machines reach every program on this one: "
              "set it to false, and name what they may reach in upstream.resolve"});
}

TEST_CASE("nothing is kept") {
  CHECK(warned("record: {store: null, jsonl: \"-\"}\n").empty());
  CHECK(warned("record: {store: null}\n") ==
        Texts{"1:17: warning: record.store is null and record.jsonl too: no call is kept; set one of them to a file"});
}
