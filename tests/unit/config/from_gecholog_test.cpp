#include "config/from_gecholog.h"

#include <algorithm>

#include "catch.h"
#include "config/gecholog_text.h"
#include "fixture.h"

using namespace borehole::config;
using Texts = std::vector<std::string>;

namespace {

// All of a Gecholog's configuration, with something in every place.
const std::string whole = R"({
	"gateway_id": "ACME0001",
	"version": "1.0.1",
	"log_level": "WARN",
	"tls": {
		"ingress": {"enabled": true, "certificate_file": "./tls/cert.pem", "private_key_file": "./tls/key.pem"},
		"outbound": {"insecure": true, "system_cert_pool": false, "cert_files": ["${CERTS}/corp.pem"]}
	},
	"service_bus": {"hostname": "localhost:4222", "topic": "a.b", "token": "${NATS_TOKEN}"},
	"gl_port": ${PORT},
	"session_id_header": "X-Session",
	"masked_headers": ["Authorization", "X-Key"],
	"remove_headers": ["Content-Length"],
	"log_unauthorized": false,
	"routers": [
		{"path": "/", "ingress": {"headers": {}}, "outbound": {"url": "https://one.example", "endpoint": "", "headers": {}}},
		{
			"path": "/east/",
			"ingress": {"headers": {"Content-Type": ["application/json"], "Api-Key": ["$KEY"], "X-Any": ["regex:.+"]}},
			"outbound": {
				"url": "https://bedrock-runtime.us-east-1.amazonaws.com/",
				"endpoint": "/model/x",
				"headers": {"Content-Type": ["application/json"], "X-Team": ["secret-team"]}
			}
		},
		{"path": "/base/", "outbound": {"url": "${BASE}", "headers": {}}},
		{"path": "/deep/", "outbound": {"url": "http://localhost:8080/v1?q", "headers": {}}},
		{"path": "/echo/", "outbound": {"url": "https://localhost"}}
	],
	"request": {"processors": [[{"name": "token_counter", "service_bus_topic": "t", "timeout": 50}]]},
	"response": {"processors": []},
	"logger": {"request": {"fields_include": [], "fields_exclude": ["ingress_payload"]}},
	"surprise": 1
}
)";

Texts notes(const Translation& translation) {
  Texts texts;
  for (const auto& note : translation.notes) texts.push_back(to_string(note));
  return texts;
}

Translation good(const std::string& json) {
  auto translation = from_gecholog("gl.json", json);
  for (const auto& problem : translation.problems) UNSCOPED_INFO(to_string(problem));
  REQUIRE(translation.problems.empty());
  return translation;
}

Texts bad(const std::string& json) {
  const auto translation = from_gecholog("gl.json", json);
  CHECK(translation.yaml.empty());
  Texts texts;
  for (const auto& problem : translation.problems) texts.push_back(to_string(problem));
  return texts;
}

// The only note of a configuration with one router.
std::string router_note(const std::string& router) {
  const auto all = notes(good("{\"routers\": [" + router + "]}"));
  CAPTURE(router, all);
  REQUIRE(all.size() == 1);
  return all.front();
}

}  // namespace

TEST_CASE("a whole gl_config.json becomes a configuration that loads and says the same") {
  Fixture fixture;
  fixture.write("conf/corp.pem", "");
  fixture.environment = {{"PORT", "7777"}, {"KEY", "abc"}, {"BASE", "https://two.example:444"}, {"CERTS", "."}};
  const auto config = fixture.good(good(whole).yaml);
  CHECK(config.listen == std::vector<HostPort>{{"127.0.0.1", 7777}});
  CHECK(config.log.level == borehole::log::Level::warn);
  CHECK(config.upstream.ca_files == Texts{fixture.folder() + "/conf/corp.pem"});
  CHECK(config.record.session_header == "x-session");
  CHECK(config.record.mask_headers == Texts{"authorization", "x-key", "x-amz-security-token", "proxy-authorization",
                                            "cookie", "set-cookie", "api-key", "x-api-key"});
  REQUIRE(config.routers.size() == 4);
  CHECK(config.routers[0].path == "/");
  CHECK_FALSE(config.routers[0].upstream.has_value());
  CHECK(config.routers[1].path == "/east/");
  CHECK(config.routers[1].upstream == HostPort{"bedrock-runtime.us-east-1.amazonaws.com", 443});
  CHECK(config.routers[1].require_headers ==
        std::map<std::string, std::string>{{"content-type", "application/json"}, {"api-key", "abc"}});
  CHECK(config.routers[2].upstream == HostPort{"two.example", 444});
  CHECK(config.routers[3].scheme == "http");
  CHECK(config.routers[3].upstream == HostPort{"localhost", 8080});
}

TEST_CASE("what has no counterpart is told with its place and what to do instead, and stands in the file") {
  const auto translation = good(whole);
  const Texts wanted{
      "gl.json:2:16: gateway_id: it stood in the session ids that Gecholog made, which borehole does not; nothing to "
      "do",
      "gl.json:3:13: version: it concerned Gecholog alone; nothing to do",
      "gl.json:6:26: tls.ingress.enabled: the port takes TLS and plain HTTP at once; let clients trust ca.pem "
      "(`borehole ca path`)",
      "gl.json:6:52: tls.ingress.certificate_file: borehole has certificates of its own CA and takes no other; let "
      "clients trust ca.pem (`borehole ca path`)",
      "gl.json:6:90: tls.ingress.private_key_file: borehole has certificates of its own CA and takes no other; let "
      "clients trust ca.pem (`borehole ca path`)",
      "gl.json:7:28: tls.outbound.insecure: an upstream must prove itself, there is no switch for that: name its CA in "
      "upstream.ca_files",
      "gl.json:7:54: tls.outbound.system_cert_pool: the system's roots are always trusted, besides upstream.ca_files",
      "gl.json:9:17: service_bus: there is no bus: read the records with `borehole calls`, or name a file for them in "
      "record.jsonl",
      "gl.json:11:23: session_id_header: borehole keeps the session that a client names there, makes none up and sends "
      "none back; set record.answer_header to get each call's id with its answer",
      "gl.json:13:20: remove_headers: borehole takes no header away, so that signatures hold; nothing to do",
      "gl.json:14:22: log_unauthorized: refused calls are always recorded; nothing to do",
      "gl.json:16:65: routers[0].outbound.url: calls through a proxy setting go to the host that they name, so the "
      "router / needs none; let clients that send bare paths to this port use the path of another router",
      "gl.json:19:96: routers[1].ingress.headers.X-Any: a router cannot ask for a header of any value; this condition "
      "was left out",
      "gl.json:22:17: routers[1].outbound.endpoint: borehole passes on the path that the client sends: let clients "
      "send "
      "this one",
      "gl.json:23:55: routers[1].outbound.headers.X-Team: borehole adds no header and changes none: let the client "
      "send "
      "it",
      "gl.json:26:42: routers[2].outbound.url: the variable must hold https:// and a host, perhaps a port, and no "
      "path, "
      "also no / at its end",
      "gl.json:27:42: routers[3].outbound.url: its path is not put before the client's: let clients send the whole "
      "path "
      "behind the router's",
      "gl.json:28:12: routers[4].path: Gecholog answered this path itself, borehole has no echo; it was left out",
      "gl.json:30:28: request.processors: no program is asked while a call is under way: tokens are counted without "
      "one, "
      "and for the rest read the records (`borehole calls`, record.jsonl)",
      "gl.json:32:65: logger.request.fields_exclude: records are whole: leave out values with record.mask_headers and "
      "bodies with record.bodies.max_bytes",
      "gl.json:33:2: surprise: not known; see conf/borehole.yaml for what borehole can be told"};
  CHECK(notes(translation) == wanted);
  for (const auto& note : translation.notes)
    CHECK(translation.yaml.find("# " + std::to_string(note.line) + ":" + std::to_string(note.column) + " " +
                                note.message + "\n") != std::string::npos);
  CHECK(translation.yaml.find("secret-team") == std::string::npos);
  CHECK(translation.yaml.find("NATS_TOKEN") == std::string::npos);
}

TEST_CASE("little gives little, and the empty router is added") {
  Fixture fixture;
  const auto translation = good("{\"gl_port\": 5381}");
  CHECK(translation.notes.empty());
  const auto config = fixture.good(translation.yaml);
  CHECK(config.listen == std::vector<HostPort>{{"127.0.0.1", 5381}});
  CHECK(config.admin == HostPort{"127.0.0.1", 5382});
  REQUIRE(config.routers.size() == 1);
  CHECK(config.routers[0].path == "/");
  CHECK(fixture.good(good("{\"version\": \"1\"}").yaml).listen == std::vector<HostPort>{{"127.0.0.1", 5380}});
}

TEST_CASE("what would not load is left out and told") {
  CHECK(
      notes(good(R"({"gl_port": 0, "log_level": "LOUD", "session_id_header": "a b", "masked_headers": ["c d", 5]})")) ==
      Texts{"gl.json:1:13: gl_port: must be a whole number from 1 to 65535; it was left out",
            "gl.json:1:29: log_level: is none of DEBUG, INFO, WARN and ERROR; it was left out",
            "gl.json:1:58: session_id_header: must be the name of a header, such as content-type; it was left out",
            "gl.json:1:84: masked_headers[0]: must be the name of a header, such as content-type; it was left out"});
  CHECK(router_note(R"({"outbound": {"url": "http://h"}})") ==
        "gl.json:1:14: routers[0]: has no path; it was left out");
  CHECK(router_note(R"({"path": "/a/"})") == "gl.json:1:14: routers[0]: has no outbound.url; it was left out");
  CHECK(router_note(R"({"path": "/a", "outbound": {"url": "http://h"}})") ==
        "gl.json:1:23: routers[0].path: must end with \"/\": add the final slash, such as /service/standard/; it was "
        "left out");
  CHECK(router_note(R"({"path": "/a/", "outbound": {"url": "ftp://h"}})") ==
        "gl.json:1:50: routers[0].outbound.url: must be an https:// or http:// URL, such as "
        "https://bedrock-runtime.us-east-1.amazonaws.com; it was left out");
  CHECK(router_note(R"({"path": "/a/", "outbound": {"url": "http://u:secret@h"}})") ==
        "gl.json:1:50: routers[0].outbound.url: must not hold a user or password: remove all before the @; it was left "
        "out");
  CHECK(router_note(
            R"({"path": "/a/", "outbound": {"url": "http://h"}}, {"path": "/a/", "outbound": {"url": "http://i"}})")
            .find("routers[1].path: stands in another router too; it was left out") != std::string::npos);
  CHECK(
      router_note(R"({"path": "/a/", "ingress": {"headers": {"A": ["1", "2"]}}, "outbound": {"url": "http://h"}})") ==
      "gl.json:1:59: routers[0].ingress.headers.A: a router compares a header with one value; this condition was left "
      "out");
  CHECK(router_note(R"({"path": "/a/", "ingress": {"headers": {"A": ["$${B}"]}}, "outbound": {"url": "http://h"}})")
            .find("holds a $ right before a variable, which cannot be written here; write it by hand") !=
        std::string::npos);
  CHECK(router_note(R"({"path": "/a/", "ingress": 5, "outbound": {"url": "http://h"}})") ==
        "gl.json:1:41: routers[0].ingress: is no object here, as it is in a gl_config.json; it was left out");
}

TEST_CASE("what is no gl_config.json is refused") {
  CHECK(bad("[]") == Texts{"gl.json:1:1: the configuration must be a map of keys and values"});
  CHECK(bad("{\"a\": 1}") ==
        Texts{"gl.json:1:1: holds no key of a gl_config.json: name the configuration of Gecholog's gl service"});
  CHECK(bad("{\"gl_port\": 1, \"gl_port\": 2}") ==
        Texts{"gl.json:1:16: key 'gl_port' was already given in line 1: remove one of the two"});
  CHECK(bad("{\"gl_port\": [1}").at(0).find("this is not JSON (") != std::string::npos);
  CHECK_FALSE(bad("").empty());
}

TEST_CASE("Gecholog's variables become ours") {
  CHECK(with_our_variables("$A ${B} ${C x$$ $ ${ $1 ${2}") == "${A} ${B} ${C} x$$ $ $${  ");
  CHECK_FALSE(with_our_variables("$$A").has_value());
  CHECK(json_for_yaml("{\"a\":\t$B, \"c\\\"$D\": \"\t${E}\"}") == "{\"a\": \"$B\", \"c\\\"$D\": \"\t${E}\"}");
  CHECK(yaml_quoted("a\"b\\c\n\x7f") == "\"a\\\"b\\\\c\\x0a\\x7f\"");
}
