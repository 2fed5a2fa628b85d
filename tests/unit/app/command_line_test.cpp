#include "app/command_line.h"

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "catch.h"

using namespace borehole;
using app::Command;

namespace {

// What one stream is given, as long as this lives.
class Captured {
 public:
  explicit Captured(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(text_.rdbuf())) {}
  ~Captured() { stream_.rdbuf(before_); }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  std::string text() const { return text_.str(); }

 private:
  std::ostream& stream_;
  std::ostringstream text_;
  std::streambuf* before_;
};

struct Run {
  app::Parsed parsed;
  std::string out, err;
};

Run run(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv{"borehole"};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  const Captured out(std::cout);
  const Captured err(std::cerr);
  Run made;
  made.parsed = app::parse_command_line(static_cast<int>(argv.size()), argv.data());
  made.out = out.text();
  made.err = err.text();
  return made;
}

app::CommandLine parsed(const std::vector<std::string>& arguments) {
  auto made = run(arguments);
  CAPTURE(made.err);
  REQUIRE(made.parsed.line);
  CHECK(made.out.empty());
  CHECK(made.err.empty());
  return *made.parsed.line;
}

}  // namespace

TEST_CASE("each command is known by its words; none means serve") {
  const std::vector<std::pair<std::vector<std::string>, Command>> commands{
      {{}, Command::serve},
      {{"serve"}, Command::serve},
      {{"check"}, Command::check},
      {{"version"}, Command::version},
      {{"ca", "show"}, Command::ca_show},
      {{"ca", "path"}, Command::ca_path},
      {{"ca", "rotate"}, Command::ca_rotate},
      {{"calls"}, Command::calls_list},
      {{"calls", "list"}, Command::calls_list},
      {{"calls", "show", "01J"}, Command::calls_show},
  };
  for (const auto& [words, command] : commands) {
    CAPTURE(words);
    CHECK(parsed(words).command == command);
  }
}

TEST_CASE("without options nothing is set, and fifty calls are listed") {
  const auto line = parsed({});
  CHECK_FALSE(line.config_file);
  CHECK(line.listens.empty());
  CHECK_FALSE(line.admin);
  CHECK(line.sets.empty());
  CHECK_FALSE(line.calls.id);
  CHECK_FALSE(line.calls.status);
  CHECK(line.calls.limit == 50);
  CHECK_FALSE(line.calls.json);
}

TEST_CASE("options stand before or behind the command") {
  const std::vector<std::string> options{"--config", "a.yaml", "--listen", "127.0.0.1:1", "--listen", "[::1]:2",
                                         "--admin",  ":3",     "--set",    "a=b",         "--set",    "c=d e"};
  const std::vector<std::pair<std::vector<std::string>, Command>> commands{
      {{}, Command::serve},
      {{"serve"}, Command::serve},
      {{"check"}, Command::check},
      {{"ca", "show"}, Command::ca_show},
      {{"calls", "list"}, Command::calls_list},
  };
  for (const auto& [words, command] : commands) {
    for (std::size_t behind = 0; behind <= words.size(); ++behind) {  // how many words of the command come first
      std::vector<std::string> arguments(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(behind));
      arguments.insert(arguments.end(), options.begin(), options.end());
      arguments.insert(arguments.end(), words.begin() + static_cast<std::ptrdiff_t>(behind), words.end());
      CAPTURE(arguments);
      const auto line = parsed(arguments);
      CHECK(line.command == command);
      CHECK(line.config_file == "a.yaml");
      CHECK(line.listens == std::vector<std::string>{"127.0.0.1:1", "[::1]:2"});
      CHECK(line.admin == ":3");
      CHECK(line.sets == std::vector<std::string>{"a=b", "c=d e"});
    }
  }
}

TEST_CASE("filters of calls") {
  const auto line =
      parsed({"calls", "list", "--model", "claude", "--operation", "Converse", "--status", "429", "--outcome",
              "refused", "--access-key", "AKIA", "--text", "two words", "-n", "7", "--json"});
  CHECK(line.calls.model == "claude");
  CHECK(line.calls.operation == "Converse");
  CHECK(line.calls.status == 429);
  CHECK(line.calls.outcome == "refused");
  CHECK(line.calls.access_key == "AKIA");
  CHECK(line.calls.text == "two words");
  CHECK(line.calls.limit == 7);
  CHECK(line.calls.json);

  const auto shown = parsed({"calls", "show", "01JABC", "--json"});
  CHECK(shown.calls.id == "01JABC");
  CHECK(shown.calls.json);
}

TEST_CASE("wrong usage is told on stderr and exits with 2") {
  const std::vector<std::vector<std::string>> wrong{
      {"listen"},
      {"--lisen", "127.0.0.1:1"},
      {"check", "version"},
      {"check", "extra"},
      {"ca"},
      {"ca", "make"},
      {"calls", "show"},
      {"calls", "show", "a", "b"},
      {"calls", "list", "--limit", "many"},
      {"calls", "list", "--limit", "-1"},
      {"calls", "list", "--status", "ok"},
      {"--config"},
      {"--admin", "a:1", "--admin", "b:2"},
  };
  for (const auto& arguments : wrong) {
    CAPTURE(arguments);
    const auto made = run(arguments);
    CHECK_FALSE(made.parsed.line);
    CHECK(made.parsed.exit_status == 2);
    CHECK(made.out.empty());
    CHECK_FALSE(made.err.empty());
  }
}

TEST_CASE("help is told on stdout and exits with 0") {
  const std::vector<std::vector<std::string>> asked{
      {"help"},
      {"help", "ca"},
      {"--help"},
      {"-h"},
      {"--config", "a.yaml", "help"},
      {"help", "--config", "a.yaml"},
      {"--set", "a=b", "help"},
  };
  for (const auto& arguments : asked) {
    CAPTURE(arguments);
    const auto made = run(arguments);
    CHECK_FALSE(made.parsed.line);
    CHECK(made.parsed.exit_status == 0);
    CHECK(made.err.empty());
    for (const auto* word : {"--config", "--listen", "--admin", "--set", "serve", "check", "version", "calls"}) {
      CAPTURE(word);
      CHECK(made.out.find(word) != std::string::npos);
    }
  }
}

TEST_CASE("help for one command tells of its own options") {
  const auto made = run({"calls", "list", "--help"});
  CHECK_FALSE(made.parsed.line);
  CHECK(made.parsed.exit_status == 0);
  CHECK(made.out.find("--access-key") != std::string::npos);
}
