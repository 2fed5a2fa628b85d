#include "app/child_process.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "base/shell_word.h"
#include "catch.h"
#include "unit/tls/tls_fixture.h"

using namespace borehole;
using app::ChildCommand;
using app::run_child;

namespace {

ChildCommand shell(const std::string& script) {
  ChildCommand command;
  command.arguments = {"sh", "-c", script};
  return command;
}

}  // namespace

TEST_CASE("a child's output, errors and status come back apart") {
  auto command = shell("cat; echo problem >&2; exit 7");
  command.input = "what it reads";
  const auto done = run_child(command);
  REQUIRE(done.has_value());
  CHECK(done->out == "what it reads");
  CHECK(done->error == "problem\n");
  CHECK(done->status == 7);
  CHECK_FALSE(done->timed_out);
}

TEST_CASE("arguments reach a child as they are, no shell between") {
  ChildCommand command;
  command.arguments = {"printf", "%s|", "a b", "$HOME", "`id`", "", "*"};
  const auto done = run_child(command);
  REQUIRE(done.has_value());
  CHECK(done->out == "a b|$HOME|`id`||*|");
}

TEST_CASE("a child that a signal ends has the shell's status for it") {
  const auto done = run_child(shell("kill -TERM $$"));
  REQUIRE(done.has_value());
  CHECK(done->status == 128 + 15);
}

TEST_CASE("a child beyond its limit is killed") {
  auto command = shell("echo begun; exec sleep 60");
  command.limit = std::chrono::seconds(1);
  const auto done = run_child(command);
  REQUIRE(done.has_value());
  CHECK(done->timed_out);
  CHECK(done->status == 128 + 9);
  CHECK(done->out == "begun\n");
}

TEST_CASE("what a child leaves behind with its output open is not waited for") {
  auto command = shell("sleep 20 & echo done");
  command.limit = std::chrono::seconds(15);
  const auto done = run_child(command);
  REQUIRE(done.has_value());
  CHECK_FALSE(done->timed_out);
  CHECK(done->status == 0);
  CHECK(done->out == "done\n");
}

TEST_CASE("of much output a bounded part is kept, and the child still ends") {
  const auto done = run_child(shell("head -c 3000000 /dev/zero"));
  REQUIRE(done.has_value());
  CHECK(done->status == 0);
  CHECK(done->out.size() == std::size_t{1024} * 1024);
}

TEST_CASE("a child that does not read its input is no problem, and too much input is an error") {
  auto command = shell("exit 0");
  command.input = std::string(std::size_t{32} * 1024, 'x');
  REQUIRE(run_child(command).has_value());
  command.input += 'x';
  CHECK_FALSE(run_child(command).has_value());
}

TEST_CASE("a child without the terminal leads a session of its own") {
  const auto withheld = run_child(shell("test \"$(cut -d' ' -f6 /proc/$$/stat)\" = $$"));
  REQUIRE(withheld.has_value());
  CHECK(withheld->status == 0);
  auto command = shell("test \"$(cut -d' ' -f6 /proc/$$/stat)\" = $$");
  command.terminal = app::Terminal::kept;
  const auto kept = run_child(command);
  REQUIRE(kept.has_value());
  CHECK(kept->status == 1);
}

TEST_CASE("a program that is not here is an error that names it") {
  ChildCommand command;
  command.arguments = {"borehole-has-no-such-program"};
  const auto done = run_child(command);
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().code == ErrorCode::io_failed);
  CHECK(done.error().detail.find("borehole-has-no-such-program") == 0);
}

TEST_CASE("programs are found on a path as execvp finds them, but never in the current folder") {
  fixture::TempFolder folder;
  std::filesystem::create_directories(folder / "a/tool");
  std::filesystem::create_directories(folder / "b");
  std::filesystem::create_directories(folder / "c");
  fixture::write(folder / "b/tool", "not executable");
  fixture::write(folder / "c/tool", "#!/bin/sh\n");
  ::chmod((folder / "b/tool").c_str(), 0644);
  ::chmod((folder / "c/tool").c_str(), 0755);
  const std::string path = "/nowhere:" + (folder / "a") + "::" + (folder / "b") + ":" + (folder / "c");
  CHECK(app::find_program("tool", path) == folder / "c/tool");
  CHECK(app::find_program("tool", folder / "b").empty());
  CHECK(app::find_program("tool", "").empty());
  CHECK_FALSE(app::find_program("sh", "/usr/bin:/bin").empty());
}

TEST_CASE("what a person is to copy is quoted where a shell would read something else") {
  CHECK(shell_word("/usr/share/a-b_c.crt") == "/usr/share/a-b_c.crt");
  CHECK(shell_word("C,,") == "C,,");
  CHECK(shell_word("") == "''");
  CHECK(shell_word("a b") == "'a b'");
  CHECK(shell_word("it's $x") == "'it'\\''s $x'");
  CHECK(shell_word("~") == "'~'");
}
