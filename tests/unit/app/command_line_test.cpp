#include "app/command_line.h"

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "app/commands.h"
#include "catch.h"

using namespace borehole;

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
  made.parsed = app::parse_command_line(static_cast<int>(argv.size()), argv.data(), app::all_commands());
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
  const std::vector<std::pair<std::vector<std::string>, std::string>> commands{
      {{}, "serve"},
      {{"serve"}, "serve"},
      {{"run", "--", "true"}, "run"},
      {{"env"}, "env"},
      {{"env", "--shell", "fish"}, "env"},
      {{"check"}, "check"},
      {{"doctor"}, "doctor"},
      {{"version"}, "version"},
      {{"ca", "show"}, "ca show"},
      {{"ca", "path"}, "ca path"},
      {{"ca", "rotate"}, "ca rotate"},
      {{"calls"}, "calls list"},
      {{"calls", "list"}, "calls list"},
      {{"calls", "--model", "nova", "--json"}, "calls list"},
      {{"calls", "show", "01J"}, "calls show"},
      {{"calls", "show", "last", "--raw-body", "response"}, "calls show"},
      {{"calls", "tail", "-n", "3"}, "calls tail"},
      {{"calls", "stats", "--by", "day", "--status", "4xx"}, "calls stats"},
      {{"calls", "export", "--out", "x.jsonl", "--since", "2h"}, "calls export"},
      {{"calls", "prune", "--older-than", "30d", "--dry-run"}, "calls prune"},
  };
  for (const auto& [words, command] : commands) {
    CAPTURE(words);
    CHECK(parsed(words).command == command);
  }
}

TEST_CASE("without options nothing is set") {
  const auto line = parsed({});
  CHECK_FALSE(line.config_file);
  CHECK(line.listens.empty());
  CHECK_FALSE(line.admin);
  CHECK(line.sets.empty());
}

TEST_CASE("options stand before or behind the command") {
  const std::vector<std::string> options{"--config", "a.yaml", "--listen", "127.0.0.1:1", "--listen", "[::1]:2",
                                         "--admin",  ":3",     "--set",    "a=b",         "--set",    "c=d e"};
  const std::vector<std::pair<std::vector<std::string>, std::string>> commands{
      {{}, "serve"},
      {{"serve"}, "serve"},
      {{"check"}, "check"},
      {{"ca", "show"}, "ca show"},
      {{"calls", "list"}, "calls list"},
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

TEST_CASE("filters of calls are options of `calls list`") {
  CHECK(parsed({"calls", "list", "--model", "claude", "--operation", "Converse", "--status", "429", "--outcome",
                "refused", "--access-key", "AKIA", "--text", "two words", "-n", "7", "--json"})
            .command == "calls list");
  CHECK(parsed({"calls", "show", "01JABC", "--json"}).command == "calls show");
}

TEST_CASE("wrong usage is told on stderr and exits with 2") {
  const std::vector<std::vector<std::string>> wrong{
      {"listen"},
      {"--lisen", "127.0.0.1:1"},
      {"check", "version"},
      {"check", "extra"},
      {"run"},
      {"run", "--"},
      {"run", "--config", "a.yaml"},
      {"run", "--lisen", "x", "true"},
      {"env", "--shell", "csh"},
      {"env", "more"},
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

TEST_CASE("an unknown word is told where it stands, with the one that was probably meant") {
  const auto said = [](const std::vector<std::string>& arguments) {
    const auto made = run(arguments);
    CHECK(made.parsed.exit_status == 2);
    return made.err;
  };
  CHECK(said({"callz"}) ==
        "borehole has no command 'callz': did you mean 'calls'? `borehole --help` tells what it takes\n");
  CHECK(said({"listen"}) == "borehole has no command 'listen': `borehole --help` tells what it takes\n");
  CHECK(said({"--lisen", "x"}) ==
        "borehole has no option '--lisen': did you mean '--listen'? `borehole --help` tells what it takes\n");
  CHECK(
      said({"calls", "list", "--stauts", "5xx"}) ==
      "borehole calls list has no option '--stauts': did you mean '--status'? `borehole calls list --help` tells what "
      "it takes\n");
  CHECK(said({"ca", "make"}) == "borehole ca has no command 'make': `borehole ca --help` tells what it takes\n");
  CHECK(said({"check", "extra"}) == "borehole check takes no 'extra': `borehole check --help` tells what it takes\n");
  CHECK(said({"ca"}) == "borehole ca: A subcommand is required; `borehole ca --help` tells what it takes\n");
  CHECK(said({"calls", "list", "--limit", "many"}) ==
        "borehole calls list: --limit: a whole number is wanted; `borehole calls list --help` tells what it takes\n");
  CHECK(said({"check", "\x1b[31m"}) ==
        "borehole check takes no '\\x1b[31m': `borehole check --help` tells what it takes\n");
}

TEST_CASE("the version is told on stdout and exits with 0") {
  const auto made = run({"--version"});
  CHECK_FALSE(made.parsed.line);
  CHECK(made.parsed.exit_status == 0);
  CHECK(made.out.starts_with("borehole "));
  CHECK(made.out.ends_with("\n"));
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

TEST_CASE("what `run` is to run is left as it is") {
  using Words = std::vector<std::string>;
  const Words command{"python3", "x.py", "--limit", "3", "--config", "b.yaml", "-h", "--", "serve"};
  for (const Words& options : {Words{}, Words{"--config", "a.yaml"}, Words{"--config=a.yaml", "--set", "a=b"}}) {
    for (const bool before_run : {true, false}) {
      for (const bool dashes : {true, false}) {
        Words arguments;
        if (before_run) arguments = options;
        arguments.emplace_back("run");
        if (!before_run) arguments.insert(arguments.end(), options.begin(), options.end());
        if (dashes) arguments.emplace_back("--");
        arguments.insert(arguments.end(), command.begin(), command.end());
        CAPTURE(arguments);
        const auto line = parsed(arguments);
        CHECK(line.command == "run");
        CHECK(line.client_command == command);
        CHECK(line.config_file == (options.empty() ? std::nullopt : std::optional<std::string>("a.yaml")));
        CHECK(line.sets == (options.size() == 3 ? Words{"a=b"} : Words{}));
      }
    }
  }
  CHECK(parsed({"run", "--", "--odd"}).client_command == Words{"--odd"});
  CHECK(parsed({"run", "serve"}).client_command == Words{"serve"});
  CHECK(parsed({"run", "run"}).client_command == Words{"run"});
  CHECK(parsed({"run", "", "a"}).client_command == Words{"", "a"});
  CHECK(parsed({"--config", "run", "serve"}).client_command.empty());
}
