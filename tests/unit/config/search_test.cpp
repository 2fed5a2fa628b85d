// Where a configuration comes from: file, search order, variables, command line.
#include "catch.h"
#include "fixture.h"

using namespace borehole::config;
using Texts = std::vector<std::string>;

TEST_CASE("unknown keys are errors with what was probably meant") {
  Fixture fixture;
  CHECK(fixture.problems("limits: {head_byte: 1}") ==
        Texts{"1:10: unknown key 'limits.head_byte'; did you mean 'limits.head_bytes'?"});
  CHECK(fixture.problems("allow_loopback: true") ==
        Texts{"1:1: unknown key 'allow_loopback'; did you mean 'upstream.allow_loopback'?"});
  CHECK(fixture.problems("recrod:\n  store: null\n") == Texts{"1:1: unknown key 'recrod'; did you mean 'record'?"});
  CHECK(fixture.problems("temperature: 1") ==
        Texts{"1:1: unknown key 'temperature': remove it, or see conf/borehole.yaml for those there are"});
  CHECK(fixture.problems("\"a\\nb\": 1")[0].find('\n') == std::string::npos);
  CHECK(fixture.problems("limits:\nlog: {}\n").empty());  // headings with nothing below
}

TEST_CASE("duplicate keys are errors at the second, in every map") {
  Fixture fixture;
  CHECK(fixture.problems("workers: 1\nlog: {level: info, level: warn}\nworkers: 2\n") ==
        Texts{"2:20: key 'level' was already given in line 2: remove one of the two",
              "3:1: key 'workers' was already given in line 1: remove one of the two"});
}

TEST_CASE("what is no YAML, or no map, is a problem with its place") {
  Fixture fixture;
  CHECK(fixture.problems("workers: 1\nlog: {level: info\n").at(0) ==
        "3:1: this is not YAML (end of map flow not found): mend it");
  CHECK(fixture.problems("listen: [::1]:5380\n").at(0).find("quote an address such as \"[::1]:5380\"") !=
        std::string::npos);
  CHECK(fixture.problems("ca: {dir: ${DIR}}\n").at(0).find("quote a value that holds ${NAME}") != std::string::npos);
  CHECK(fixture.problems("hello\n") == Texts{"1:1: the configuration must be a map of keys and values"});
  CHECK(fixture.problems("limits: 5\n") == Texts{"1:9: limits must be a map of keys and values"});
  CHECK(fixture.problems("[a, b]: 1\n").size() == 1);
  CHECK(fixture.problems("workers: 1\n---\nworkers: 2\n").at(0).find("a second document begins here") !=
        std::string::npos);
  CHECK(fixture.problems(std::string(1024 * 1024 + 1, '#')) == Texts{"is larger than 1 MiB: name a configuration"});
  CHECK(fixture.problems(std::string(1024 * 1024, '#')).empty());
  CHECK(fixture.problems(", workers: 1\n") ==  // a comma that the parser does not get past
        Texts{"1:1: a second document begins here, or this is no YAML: keep a single map of keys"});
  CHECK_FALSE(fixture.problems(std::string(5000, '[')).empty());
  CHECK_FALSE(fixture.problems("listen: &a [*a]\n").empty());
}

TEST_CASE("variables are expanded in values") {
  Fixture fixture;
  fixture.environment = {{"PORT", "7777"}, {"NAME", "${PORT}"}, {"EMPTY", ""}, {"_x1", "y"}};
  CHECK(fixture.good("listen: 127.0.0.1:${PORT}").listen == std::vector<HostPort>{{"127.0.0.1", 7777}});
  CHECK(fixture.good("log: {level: \"in${EMPTY}fo\"}").log.level == borehole::log::Level::info);
  const auto dir = [&](const std::string& text) { return fixture.good("ca: {dir: \"/" + text + "\"}").ca.dir; };
  CHECK(dir("$${PORT}") == "/${PORT}");
  CHECK(dir("${NAME}") == "/${PORT}");  // once only
  CHECK(dir("$PORT$") == "/$PORT$");
  CHECK(dir("$$$${_x1}${_x1}") == "/$$${_x1}y");
  CHECK(fixture.problems("workers: 2\nca:\n  dir: x/${NOT_SET}/${PORT}\n") ==
        Texts{"3:8: ca.dir needs the environment variable NOT_SET, which is not set: set it, or "
              "write $${ for the characters themselves"});
  for (const std::string text : {"${", "${}", "${PORT", "${1}", "${PO RT}", "${PORT:-1}"}) {
    CAPTURE(text);
    const auto problems = fixture.problems("ca: {dir: \"" + text + "\"}");
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].find("holds a ${ without a variable's name and } behind it") != std::string::npos);
  }
}

TEST_CASE("what a variable held is in no message") {
  Fixture fixture;
  fixture.environment = {{"SECRET", "hunter2"}};
  fixture.options.sets = {"workers=${SECRET}"};
  const auto problems = fixture.problems(
      "listen: \"${SECRET}\"\nworkers: ${SECRET}\nca: {leaf_days: \"${SECRET}\", dir: \"${SECRET}\"}\n"
      "intercept: [\"${SECRET}/\"]\nrouters: [{path: \"${SECRET}\", upstream: \"${SECRET}\"}]\n"
      "upstream: {proxy: \"http://${SECRET}\", resolve: {\"h:1\": \"${SECRET}\"}, ca_files: [\"${SECRET}\"]}\n"
      "limits: {head_bytes: \"${SECRET}\", head_timeout: \"${SECRET}\"}\nlog: {level: \"${SECRET}\"}\n"
      "auth: {allow_clients: [\"${SECRET}\"], users_file: \"${SECRET}\"}\nprices: \"${SECRET}\"\n");
  CHECK(problems.size() >= 14);
  for (const auto& problem : problems) {
    CAPTURE(problem);
    CHECK(problem.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("--set takes dotted keys and YAML, and comes after the file") {
  Fixture fixture;
  fixture.options.sets = {"upstream.allow_loopback=true",
                          "listen=[127.0.0.1:0, '[::1]:0']",
                          "admin=[::1]:0",
                          "record.jsonl=-",
                          "workers=1",
                          "workers=3",
                          "log={level: warn}",
                          "upstream.resolve={\"h:1\": \"127.0.0.1:2\"}"};
  const auto config = fixture.good("workers: 9\nlog: {format: json}\n");
  CHECK(config.upstream.allow_loopback);
  CHECK(config.listen == std::vector<HostPort>{{"127.0.0.1", 0}, {"::1", 0}});
  CHECK(config.admin == HostPort{"::1", 0});
  CHECK(config.record.jsonl == "-");
  CHECK(config.workers == 3);
  CHECK(config.log.level == borehole::log::Level::warn);
  CHECK(config.log.format == borehole::log::Format::json);
  CHECK(config.upstream.resolve.size() == 1);
}

TEST_CASE("--set paths are relative to the current folder; null works") {
  Fixture fixture;
  fixture.options.sets = {"ca.dir=x", "admin=null", "record.store=null"};
  const auto config = fixture.good("");
  CHECK(config.ca.dir == (std::filesystem::current_path() / "x").string());
  CHECK_FALSE(config.admin.has_value());
  CHECK_FALSE(config.record.store.has_value());
}

TEST_CASE("problems of the command line come behind those of the file and name the option") {
  Fixture fixture;
  fixture.options.sets = {"workers=x", "listne=1", "log.level", "limits={a: [}", "ca.dir=${NO}"};
  fixture.options.listens = {"nowhere"};
  fixture.options.admin = "0.0.0.0:1";
  CHECK(
      fixture.problems("workers: y") ==
      Texts{
          "1:10: workers ('y') must be auto or a whole number from 1 to 256",
          "--set workers: workers ('x') must be auto or a whole number from 1 to 256",
          "--set listne: unknown key 'listne'; did you mean 'listen'?",
          "--set: must be KEY=VALUE, such as --set upstream.allow_loopback=true",
          "--set limits: this is not YAML (illegal flow end): mend it",
          "--set ca.dir: ca.dir needs the environment variable NO, which is not set: set it, or write $${ "
          "for "
          "the characters themselves",
          "--listen: listen[0] ('nowhere') must be HOST:PORT, such as 127.0.0.1:5380 or \"[::1]:5380\"",
          "--admin: admin is reachable from other machines: set auth.users_file, or keep to a loopback address such as "
          "127.0.0.1"});
}

TEST_CASE("--listen and --admin replace what the file says") {
  Fixture fixture;
  fixture.options.listens = {"127.0.0.1:1", "[::1]:2"};
  fixture.options.admin = "127.0.0.1:3";
  const auto config = fixture.good("listen: 0.0.0.0:5380\nadmin: null\n");  // so the file's address needs no users
  CHECK(config.listen == std::vector<HostPort>{{"127.0.0.1", 1}, {"::1", 2}});
  CHECK(config.admin == HostPort{"127.0.0.1", 3});
}

TEST_CASE("a --config that is not there or is a folder is a problem") {
  Fixture fixture;
  fixture.options.file = fixture.folder() + "/none.yaml";
  auto loaded = load(fixture.options);
  REQUIRE(loaded.problems.size() == 1);
  CHECK(to_string(loaded.problems[0]) ==
        fixture.folder() + "/none.yaml: cannot be read (No such file or directory): create it or mend the path");
  fixture.options.file = fixture.folder();
  loaded = load(fixture.options);
  REQUIRE(loaded.problems.size() == 1);
  CHECK(loaded.problems[0].message == "is a folder: name the file in it");
}

TEST_CASE("without --config the user's file is found, else the defaults have their folders") {
  Fixture fixture;
  fixture.environment = {{"HOME", fixture.folder()}};
  fixture.options.system_file = fixture.folder() + "/none.yaml";
  fixture.options.superuser = false;
  auto loaded = load(fixture.options);
  REQUIRE(loaded.config != nullptr);
  CHECK(loaded.config->file.empty());
  CHECK(loaded.config->ca.dir == fixture.folder() + "/.local/state/borehole/certs");
  CHECK(loaded.config->record.store == fixture.folder() + "/.local/state/borehole/calls.db");

  fixture.environment["XDG_STATE_HOME"] = "/state";
  CHECK(load(fixture.options).config->ca.dir == "/state/borehole/certs");
  fixture.environment["XDG_STATE_HOME"] = "relative";  // to be ignored, says the XDG specification
  CHECK(load(fixture.options).config->ca.dir == fixture.folder() + "/.local/state/borehole/certs");

  const auto in_home = fixture.write(".config/borehole/borehole.yaml", "workers: 5\n");
  loaded = load(fixture.options);
  REQUIRE(loaded.config != nullptr);
  CHECK(loaded.config->file == in_home);
  CHECK(loaded.config->workers == 5);
  CHECK(loaded.config->ca.dir == fixture.folder() + "/.local/state/borehole/certs");  // not in ~/.config
  CHECK(loaded.config->record.store == fixture.folder() + "/.local/state/borehole/calls.db");

  fixture.write("xdg/borehole/borehole.yaml", "workers: 6\n");
  fixture.environment["XDG_CONFIG_HOME"] = fixture.folder() + "/xdg";
  CHECK(load(fixture.options).config->workers == 6);
}

TEST_CASE("without any home the folders must be given") {
  Fixture fixture;
  fixture.options.system_file = fixture.folder() + "/none.yaml";
  fixture.options.superuser = false;
  const auto loaded = load(fixture.options);
  REQUIRE(loaded.problems.size() == 1);
  CHECK(to_string(loaded.problems[0]) ==
        "environment: there is no place for the CA and the recorded calls: set HOME or XDG_STATE_HOME, or give ca.dir "
        "and "
        "record.store");
  fixture.options.sets = {"ca.dir=/ca", "record.store=null"};
  CHECK(load(fixture.options).config != nullptr);
}

TEST_CASE("the system's file keeps the CA and the calls where a system keeps state") {
  Fixture fixture;
  fixture.options.system_file = fixture.write("etc/borehole.yaml", "workers: 7\n");
  const auto places = [&] {
    const auto loaded = load(fixture.options);
    REQUIRE(loaded.config != nullptr);
    CHECK(loaded.config->workers == 7);
    return Texts{loaded.config->ca.dir, loaded.config->record.store.value_or("none")};
  };
  fixture.environment = {{"HOME", "/home/ann"}};
  fixture.options.superuser = false;
  CHECK(places() == Texts{"/home/ann/.local/state/borehole/certs", "/home/ann/.local/state/borehole/calls.db"});
  fixture.options.superuser = true;
  CHECK(places() == Texts{"/var/lib/borehole/certs", "/var/lib/borehole/calls.db"});
  fixture.environment["XDG_STATE_HOME"] = "/state";
  CHECK(places() == Texts{"/state/borehole/certs", "/state/borehole/calls.db"});
  fixture.environment["STATE_DIRECTORY"] = "/var/lib/one:/var/lib/two";  // a service's
  CHECK(places() == Texts{"/var/lib/one/certs", "/var/lib/one/calls.db"});
  fixture.write("etc/borehole.yaml", "workers: 7\nca: {dir: here}\n");  // what is given is relative to the file
  CHECK(places() == Texts{fixture.folder() + "/etc/here", "/var/lib/one/calls.db"});

  fixture.options.file = fixture.options.system_file;  // by --config: as every file that is named so
  fixture.write("etc/borehole.yaml", "workers: 7\n");
  CHECK(places() == Texts{fixture.folder() + "/certs", fixture.folder() + "/data/calls.db"});
}

TEST_CASE("a superuser without any home has the system's folders") {
  Fixture fixture;
  fixture.options.system_file = fixture.folder() + "/none.yaml";
  fixture.options.superuser = true;
  const auto loaded = load(fixture.options);
  REQUIRE(loaded.config != nullptr);
  CHECK(loaded.config->ca.dir == "/var/lib/borehole/certs");
}
