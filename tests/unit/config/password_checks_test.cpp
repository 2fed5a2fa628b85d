#include "config/password_checks.h"

#include <sys/stat.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "catch.h"
#include "fixture.h"

using namespace borehole;
using namespace borehole::config;

namespace {

using Verdict = UsersFile::Verdict;

const std::string ali = "ali:$2y$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n";
const std::string right = "Basic YWxpOm9wZW4gc2VzYW1l";
const std::string wrong = "Basic YWxpOm9wZW4gc2VzYW1m";

std::shared_ptr<const UsersFile> users(const Fixture& fixture) {
  const auto path = fixture.write("users", ali);
  chmod(path.c_str(), 0600);
  return UsersFile::load(path).value();
}

// What was answered, in order, by whichever thread.
struct Answers {
  std::mutex mutex;
  std::condition_variable more;
  std::vector<std::pair<std::string, Verdict>> given;
  std::vector<std::thread::id> threads;

  PasswordChecks::Answer named(const std::string& name) {
    return [this, name](Verdict verdict) {
      const std::lock_guard lock(mutex);
      given.emplace_back(name, verdict);
      threads.push_back(std::this_thread::get_id());
      more.notify_all();
    };
  }
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    REQUIRE(more.wait_for(lock, std::chrono::seconds(60), [&] { return given.size() >= count; }));
  }
};

// Holds the thread of the checks in an answer until it is let go.
struct Gate {
  std::mutex mutex;
  std::condition_variable change;
  bool entered = false, open = false;

  void pass() {
    std::unique_lock lock(mutex);
    entered = true;
    change.notify_all();
    change.wait(lock, [&] { return open; });
  }
  void wait_until_entered() {
    std::unique_lock lock(mutex);
    REQUIRE(change.wait_for(lock, std::chrono::seconds(60), [&] { return entered; }));
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    open = true;
    change.notify_all();
  }
};

}  // namespace

TEST_CASE("passwords are checked on another thread than that of who asks") {
  const Fixture fixture;
  const auto file = users(fixture);
  const SystemClock clock;
  Answers answers;
  PasswordChecks checks(clock);
  checks.ask(file, right, "here", answers.named("right"));
  checks.ask(file, wrong, "here", answers.named("wrong"));
  answers.wait_for(2);
  CHECK(answers.given ==
        std::vector<std::pair<std::string, Verdict>>{{"right", Verdict::right}, {"wrong", Verdict::wrong}});
  CHECK(answers.threads[0] != std::this_thread::get_id());
  CHECK(file->judge_at_once(right, "here", clock.now()) == Verdict::right);
  CHECK(file->judge_at_once(wrong, "here", clock.now()) == Verdict::wrong);
}

TEST_CASE("so many passwords wait for their check, and so many of one client; the same one waits once") {
  const Fixture fixture;
  const auto file = users(fixture);
  const SystemClock clock;
  Answers answers;
  Gate gate;
  PasswordChecks checks(clock, {.in_all = 3, .of_one_client = 2});
  checks.ask(file, right, "first", [&](Verdict) { gate.pass(); });
  gate.wait_until_entered();  // by now it waits no more
  checks.ask(file, "Basic YWxpOjA=", "here", answers.named("0"));
  checks.ask(file, "Basic YWxpOjE=", "here", answers.named("1"));
  CHECK(answers.given.empty());
  checks.ask(file, "Basic YWxpOjI=", "here", answers.named("2"));
  CHECK(answers.given == std::vector<std::pair<std::string, Verdict>>{{"2", Verdict::too_many_guesses}});
  for (int i = 0; i < 100; ++i) checks.ask(file, "Basic YWxpOjE=", "here", answers.named("1"));
  CHECK(answers.given.size() == 1);
  checks.ask(file, "Basic YWxpOjM=", "there", answers.named("3"));
  CHECK(answers.given.size() == 1);
  checks.ask(file, "Basic YWxpOjQ=", "elsewhere", answers.named("4"));
  CHECK(answers.given.size() == 2);
  gate.let_go();
  answers.wait_for(2 + 1 + 101 + 1);
  for (const auto& [name, verdict] : answers.given) {
    CAPTURE(name);
    CHECK(verdict == (name == "2" || name == "4" ? Verdict::too_many_guesses : Verdict::wrong));
  }
}

TEST_CASE("checks that end before a password's turn do not answer, and do not wait for it") {
  const Fixture fixture;
  const auto file = users(fixture);
  const SystemClock clock;
  Answers answers;
  Gate gate;
  {
    PasswordChecks checks(clock);
    checks.ask(file, right, "first", [&](Verdict) { gate.pass(); });
    gate.wait_until_entered();
    checks.ask(file, wrong, "here", answers.named("wrong"));
    gate.let_go();
  }
  CHECK(answers.given.size() <= 1);
}
